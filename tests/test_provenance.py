"""Which code a result was made with."""

import subprocess
from pathlib import Path

from deltaclip.provenance import Checkout, checkout_at


def test_a_checkout_is_told_with_whether_its_sources_were_changed_and_another_folder_is_none(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        who = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
        return subprocess.run(["git", *who, *words], cwd=tmp_path, check=True, capture_output=True, text=True).stdout

    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "code.py").write_text("1")
    git("init")
    git("add", ".")
    git("commit", "-m", "one")
    commit = git("rev-parse", "HEAD")[:12]
    (tmp_path / "notes").write_text("beside the sources")
    assert checkout_at(tmp_path) == Checkout(commit, changed=False)
    (tmp_path / "src" / "code.py").write_text("2")
    assert checkout_at(tmp_path) == Checkout(commit, changed=True)
    assert checkout_at(tmp_path / "src") is None
