"""Files that are whole or not there, and one writer at a time."""

import errno
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO

import pytest

from deltaclip.durable import PARTIAL, one_writer, write_bytes_whole, write_whole

HALF_THEN_KILLED = """
import os, pathlib, signal, sys
from deltaclip.durable import write_whole

def write(stream):
    stream.write(b"half of the new")
    stream.flush()
    os.kill(os.getpid(), signal.SIGKILL)

write_whole(pathlib.Path(sys.argv[1]), write)
"""
WITHOUT_PERMISSION = """
import os, pathlib, sys
from deltaclip.durable import write_bytes_whole

path = pathlib.Path(sys.argv[1])
if os.geteuid() == 0:  # root may write anywhere
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
try:
    write_bytes_whole(path, b"new")
except OSError as error:
    print(type(error).__name__)
"""
HOLDS = """
import pathlib, sys
from deltaclip.durable import one_writer

with one_writer(pathlib.Path(sys.argv[1]), RuntimeError):
    print("held", flush=True)
    sys.stdin.read()
"""


def in_use(holder: str) -> LookupError:
    return LookupError(f"in use by {holder}")


def full_disk(stream: IO[bytes]) -> None:
    stream.write(b"half")
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_writer_that_is_killed_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    write_bytes_whole(path, b"old")

    done = subprocess.run([sys.executable, "-c", HALF_THEN_KILLED, str(path)], check=False)

    assert done.returncode == -signal.SIGKILL
    assert path.read_bytes() == b"old"


def test_a_full_disk_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    write_bytes_whole(path, b"old")

    with pytest.raises(OSError, match="No space left"):
        write_whole(path, full_disk)

    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_new_file_that_fails_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        write_whole(tmp_path / "new" / "result.json", full_disk)

    assert list((tmp_path / "new").iterdir()) == []


def test_folders_are_made_and_the_file_is_as_readable_as_any_new_one(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_bytes(b"")

    write_bytes_whole(tmp_path / "a" / "b" / "result.png", b"new")

    assert (tmp_path / "a" / "b" / "result.png").stat().st_mode == plain.stat().st_mode


def test_a_file_that_is_replaced_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    write_bytes_whole(path, b"old")
    path.chmod(0o600)

    write_bytes_whole(path, b"new")

    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"new", 0o600)


def test_a_link_stays_a_link_and_its_target_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "target")

    write_bytes_whole(tmp_path / "link", b"new")

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == b"new"


def test_a_device_is_written_to_and_not_replaced() -> None:
    write_bytes_whole(Path(os.devnull), b"new")

    assert not Path(os.devnull).is_file()


def test_a_partial_file_is_named_so_that_it_can_be_cleared(tmp_path: Path) -> None:
    seen: list[str] = []

    write_whole(tmp_path / "result", lambda stream: seen.extend(path.name for path in tmp_path.iterdir()))

    [name] = seen
    assert name.startswith(".")
    assert name.endswith(PARTIAL)


def test_a_second_writer_is_refused_until_the_first_ends_however_it_ends(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(LookupError, match=f"in use by {other.pid}"), one_writer(lock, in_use):
            pass
        other.kill()
        other.wait()

    with one_writer(lock, in_use):
        assert lock.exists()
    assert [path.name for path in tmp_path.iterdir()] in (["lock"], [])  # newer filelocks remove it


def test_a_writer_that_could_not_leave_its_process_id_holds_the_lock_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "lock.pid").mkdir()
    with (
        one_writer(tmp_path / "lock", in_use),
        pytest.raises(LookupError, match="in use by unknown"),
        one_writer(tmp_path / "lock", in_use),
    ):
        pass


def test_a_place_without_room_for_a_lock_raises_the_error_of_the_system(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(OSError), one_writer(tmp_path / "file" / "lock", RuntimeError):  # noqa: PT011 - differs by system
        pass


@pytest.mark.parametrize("name", ["fsync", "replace"])
def test_a_disk_that_fails_to_sync_or_rename_leaves_the_old_file_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = tmp_path / "result.json"
    write_bytes_whole(path, b"old")

    def fails(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os if name == "fsync" else Path, name, fails)
    with pytest.raises(OSError, match="Input/output error"):
        write_bytes_whole(path, b"new")

    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="permissions of POSIX")
def test_a_folder_without_permission_leaves_the_old_file_and_nothing_beside_it() -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to other users
        folder = Path(name)
        path = folder / "result.json"
        write_bytes_whole(path, b"old")
        folder.chmod(0o555)

        done = subprocess.run([sys.executable, "-c", WITHOUT_PERMISSION, str(path)], capture_output=True, text=True)

        assert (done.returncode, done.stdout) == (0, "PermissionError\n"), done.stderr
        assert path.read_bytes() == b"old"
        assert list(folder.iterdir()) == [path]
        folder.chmod(0o755)
