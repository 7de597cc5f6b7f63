"""A library among threads and processes."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from deltaclip.errors import LibraryError
from deltaclip.library import LockedError
from tests.library.fakes import Shelf


def in_thread(work: Callable[[], object]) -> object:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def test_any_thread_may_do_anything(shelf: Shelf) -> None:
    path = shelf.write("a.mp4", "a 2")
    assert in_thread(lambda: shelf.library.index([path]).indexed) == 1
    assert shelf.found("a 1") == ["a.mp4"]
    assert in_thread(lambda: shelf.found("a 1")) == ["a.mp4"]
    assert in_thread(lambda: [hit.path for hit in shelf.library.search_video(path)]) == [path, path]
    assert in_thread(shelf.library.status) == shelf.library.status()
    assert in_thread(lambda: shelf.library.verify().ok)
    assert in_thread(shelf.library.failures) == ()
    assert in_thread(lambda: shelf.library.remove([path]).removed) == 1
    assert shelf.library.search("a 1") == []
    in_thread(shelf.library.close)


def test_threads_search_whole_videos_while_another_one_indexes(shelf: Shelf) -> None:
    for number in range(30):
        shelf.write(f"{number:02}.mp4", f"{number} 4 slow" if number % 10 == 0 else f"{number} 4")
    done = threading.Event()
    seen: list[list[int]] = [[] for _ in range(4)]

    def search(counts: list[int]) -> None:
        while not done.is_set():
            counts.append(len(shelf.library.search("7 0", limit=999)))

    with ThreadPoolExecutor(5) as pool:
        searches = [pool.submit(search, counts) for counts in seen]
        report = pool.submit(shelf.library.index, [shelf.videos]).result()
        done.set()
        for each in searches:
            each.result()
    assert report.segments == 120
    assert all(count % 4 == 0 for counts in seen for count in counts)
    assert all(counts == sorted(counts) for counts in seen)
    assert len(shelf.library.search("7 0", limit=999)) == 120


def test_a_second_thread_that_writes_is_refused_as_a_second_process_is(shelf: Shelf) -> None:
    path = shelf.write("a.mp4", "a 1")

    def refused(progress: object) -> None:
        with pytest.raises(LockedError):
            in_thread(lambda: shelf.library.remove([path]))

    assert shelf.library.index([path], on_progress=refused).indexed == 1


def test_what_another_handle_commits_is_found_by_every_thread(shelf: Shelf) -> None:
    assert in_thread(lambda: shelf.library.search("a 0")) == []
    with shelf.open() as other:
        other.index([shelf.write("a.mp4", "a 1")])
    assert in_thread(lambda: shelf.found("a 0")) == ["a.mp4"]


def test_a_closed_library_says_so(shelf: Shelf) -> None:
    shelf.library.close()
    with pytest.raises(LibraryError, match=r"was closed. Open it again with Library.open"):
        shelf.library.status()
    with shelf.open() as library:  # what the message says
        assert library.status().videos == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only there")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_process_is_told_to_open_its_own(shelf: Shelf) -> None:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            shelf.library.status()
        except LibraryError as error:
            os.write(write, str(error).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(write)
    with os.fdopen(read) as answer:
        assert "opened by a different process" in answer.read()
    assert shelf.library.status().videos == 0
