"""OpenCV's number of threads is one inside and as before outside."""

from collections.abc import Iterator

import cv2
import pytest

from deltaclip.motion import subject
from deltaclip.motion.threads import one_opencv_thread
from tests.motion.drawn import square_over_pan


@pytest.fixture(autouse=True)
def _three_threads() -> Iterator[None]:
    found = cv2.getNumThreads()
    cv2.setNumThreads(3)
    yield
    cv2.setNumThreads(found)


def test_inside_there_is_one_and_afterwards_as_many_as_before() -> None:
    with one_opencv_thread():
        assert cv2.getNumThreads() == 1
    assert cv2.getNumThreads() == 3


def test_two_that_overlap_give_back_what_the_first_one_found() -> None:
    first, second = one_opencv_thread(), one_opencv_thread()
    with first:
        second.__enter__()
    assert cv2.getNumThreads() == 1
    second.__exit__(None, None, None)
    assert cv2.getNumThreads() == 3


def test_an_error_inside_gives_the_threads_back() -> None:
    with pytest.raises(ValueError, match="wrong"), one_opencv_thread():
        raise ValueError("wrong")
    assert cv2.getNumThreads() == 3


def test_subject_leaves_the_threads_as_they_were() -> None:
    frames, _ = square_over_pan(num_frames=3)
    subject(frames[1:2], frames[:1], frames[2:])
    assert cv2.getNumThreads() == 3
