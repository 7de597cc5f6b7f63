"""The frame at a second is the one on the screen then, whatever the file looks like."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from deltaclip.errors import VideoError
from deltaclip.video import Frames, Segment, Video, write_mp4
from deltaclip.video.container import film_candidates, open_container
from deltaclip.video.decode import Decoder
from deltaclip.video.packets import find_film
from tests.video.clips import number_of, numbered, numbers_of, write_numbered

SPARSE_KEYS = {"g": "25", "bf": "3", "sc_threshold": "0"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="module", params=["mp4", "mkv", "ts", "avi", "h264", "flv"])
def constant(request: pytest.FixtureRequest, folder: Path) -> Path:
    """100 frames at 25 fps with B-frames and a key frame a second; avi without true times, h264 without any."""
    return write_numbered(folder / f"constant.{request.param}", range(100), options=SPARSE_KEYS)


def shown(path: Path, seconds: list[float]) -> list[int]:
    with Video.open(path) as video:
        return numbers_of(video.frames_at(seconds, 32).rgb)


def test_every_frame_is_found_at_its_own_second(constant: Path) -> None:
    with Video.open(constant) as video:
        assert numbers_of(video.frames_at(video.frame_seconds, 32).rgb) == list(range(100))
        assert video.info.num_frames == 100
        assert video.info.duration_seconds == 4


@pytest.mark.parametrize("order", [[99, 0, 50], [3, 3, 2], [74, 75, 76, 24], [0, 99, 1, 98], [40] * 12])
def test_targets_may_come_in_any_order_and_repeat(constant: Path, order: list[int]) -> None:
    assert shown(constant, [number / 25 + 0.01 for number in order]) == order


def test_single_targets_in_any_order_find_their_frames_too(constant: Path) -> None:
    rng = np.random.default_rng(0)
    with Video.open(constant) as video:
        for number in rng.integers(0, 100, 25):
            assert number_of(video.frames_at([number / 25 + 0.02], 32).rgb[0]) == number


@pytest.mark.parametrize("codec", ["libx264", "mpeg4", "mpeg2video"])
@pytest.mark.parametrize("seconds", [[1.3], [0.1, 0.5, 2.9], [3.98, 0.02], [1.0, 2.0]])
def test_skipping_frames_that_no_other_needs_changes_no_pixel(folder: Path, codec: str, seconds: list[float]) -> None:
    path = write_numbered(folder / f"{codec}.mp4", range(100), codec=codec, options=SPARSE_KEYS)
    with Video.open(path) as video:
        every = video.frames_at(video.frame_seconds, 64).rgb
        some = video.frames_at(seconds, 64).rgb
    assert (some == every[[int(second * 25) for second in seconds]]).all()


def test_only_frames_that_are_needed_are_decoded(folder: Path) -> None:
    path = write_numbered(
        folder / "needed.mp4", range(100), options={**SPARSE_KEYS, "x264-params": "b-adapt=0:b-pyramid=0"}
    )
    assert decoded(path, [99]) < 0.4 * 100  # three of four frames are B-frames, which no other needs
    assert decoded(path, [0, 25, 50, 75]) == 4  # key frames need no other
    assert decoded(path, range(100)) == 100


def decoded(path: Path, frames: Sequence[int]) -> int:
    """How many pictures come out of the decoder from the beginning on if these frames are wanted."""
    with open_container(path) as container:
        film = find_film(container, film_candidates(container, path))
    assert film.timeline is not None
    decoder = Decoder(path, film.stream_index, film.timeline)
    decoder.want(film.timeline.ticks[list(frames)].tolist())
    count = sum(1 for _ in decoder.pictures)
    decoder.close()
    return count


def test_key_frames_are_told_by_their_seconds(folder: Path) -> None:
    path = write_numbered(folder / "keys.mp4", range(100), options=SPARSE_KEYS)
    with Video.open(path) as video:
        assert video.key_seconds.tolist() == [0, 1, 2, 3]
        frames = video.frames_at(video.key_seconds, 32, with_neighbours="after")
    assert numbers_of(frames.rgb) == [0, 25, 50, 75]
    assert frames.before == (None,) * 4
    assert [None if picture is None else number_of(picture) for picture in frames.after or ()] == [1, 26, 51, 76]


def test_a_frame_stays_until_the_next_appears(folder: Path) -> None:
    path = write_numbered(folder / "variable.mkv", [0, 40, 500, 520, 3000], Fraction(1, 1000))
    assert shown(path, [0.039, 0.04, 0.499, 0.5, 0.52, 2.9, 3.0]) == [0, 1, 1, 2, 3, 3, 4]


def test_seconds_outside_the_video_get_its_first_and_last_frame(constant: Path) -> None:
    assert shown(constant, [-5.0, 4.0, 1e9]) == [0, 99, 99]


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_seconds_count_from_the_first_frame_shown(folder: Path, suffix: str) -> None:
    path = write_numbered(folder / f"late.{suffix}", range(125, 175))
    with Video.open(path) as video:
        assert video.frame_seconds[:2].tolist() == [0, 0.04]
        assert video.info.duration_seconds == 2
        assert numbers_of(video.frames_at([0, 1], 32).rgb) == [0, 25]


def test_one_frame_answers_all_seconds(folder: Path) -> None:
    path = write_numbered(folder / "one.mp4", [0])
    with Video.open(path) as video:
        assert video.frames_at(np.linspace(0, 0.03, 12), 48).rgb.shape == (12, 48, 72, 3)
        assert video.segments() == (Segment(0, 0.04, held=True),)


@pytest.mark.parametrize("codec", ["libvpx", "libvpx-vp9"])
def test_hidden_frames_of_vpx_do_not_shift_the_others(folder: Path, codec: str) -> None:
    options = {"auto-alt-ref": "1", "lag-in-frames": "16", "deadline": "realtime", "cpu-used": "8", "b": "500k"}
    path = write_numbered(folder / f"{codec}.webm", range(60), codec=codec, options=options)
    assert shown(path, [number / 25 + 0.01 for number in (59, 0, 31, 32, 17)]) == [59, 0, 31, 32, 17]


def test_recordings_joined_byte_by_byte_go_on_where_the_first_ends(folder: Path) -> None:
    part = write_numbered(folder / "part.ts", range(50)).read_bytes()
    path = folder / "joined.ts"
    path.write_bytes(part + part)
    with Video.open(path) as video:
        assert video.info.duration_seconds == pytest.approx(4, abs=0.05)
        assert numbers_of(video.frames_at([1.0, 3.0, 0.4], 32).rgb) == [25, 25, 10]


def test_a_file_cut_in_the_middle_is_read_up_to_the_cut(folder: Path) -> None:
    whole = write_numbered(folder / "whole.mkv", range(100), options=SPARSE_KEYS).read_bytes()
    path = folder / "cut.mkv"
    path.write_bytes(whole[: len(whole) // 2])
    with Video.open(path) as video:
        assert video.info.num_frames < 100
        assert numbers_of(video.frames_at([0, 0.4], 32).rgb) == [0, 10]


def test_an_mp4_cut_in_the_middle_is_damaged_and_not_shorter(folder: Path) -> None:
    rgb = np.stack([numbered(number) for number in range(100)])
    write_mp4(folder / "promise.mp4", rgb, 25)
    whole = (folder / "promise.mp4").read_bytes()
    path = folder / "half.mp4"
    path.write_bytes(whole[: len(whole) * 3 // 4])
    with Video.open(path) as video:
        assert (video.info.num_frames, video.info.duration_seconds) == (100, 4)
        with pytest.raises(VideoError, match="damaged after") as raised:
            video.frames_at([3.99], 32)
        last = raised.value.decoded_seconds
        assert last is not None
        assert number_of(video.frames_at([last], 32).rgb[0]) == round(last * 25)


def test_frames_behind_damage_are_an_error_that_says_how_far_it_reads(folder: Path) -> None:
    path = write_numbered(folder / "damaged.mp4", range(100), options={**SPARSE_KEYS, "bf": "0"})
    data = bytearray(path.read_bytes())
    start, end = data.index(b"mdat"), data.index(b"moov")
    data[(start + end) // 2 : end] = bytes(end - (start + end) // 2)
    path.write_bytes(data)
    with Video.open(path) as video:
        assert video.info.num_frames == 100
        assert numbers_of(video.frames_at([0.4], 32).rgb) == [10]
        with pytest.raises(VideoError, match=r"damaged.mp4: damaged after [12]\.\d\d s"):
            video.frames_at([3.9], 32)
        assert video.packets_failed > 0
        assert numbers_of(video.frames_at([0.4], 32).rgb) == [10]


def test_long_videos_become_segments_of_fifteen_seconds(folder: Path) -> None:
    path = write_numbered(folder / "slow.mkv", range(0, 250, 2), Fraction(1, 5))
    with Video.open(path) as video:
        assert [segment.start for segment in video.segments()] == [0, 15, 30]
        assert video.segments()[-1].end == video.info.duration_seconds


def test_frames_say_their_shapes_and_not_their_pixels() -> None:
    assert repr(Frames(np.zeros((2, 4, 6, 3), np.uint8), np.zeros(2))) == "Frames(rgb=(2, 4, 6, 3), seconds=(2,))"


def test_frames_need_one_second_each() -> None:
    with pytest.raises(ValueError, match="as many seconds"):
        Frames(np.zeros((2, 4, 6, 3), np.uint8), np.zeros(3))


def test_seconds_must_be_finite(folder: Path) -> None:
    path = write_numbered(folder / "one.mp4", [0])
    with Video.open(path) as video, pytest.raises(ValueError, match="finite"):
        video.frames_at([float("nan")], 32)


def test_a_closed_video_gives_no_frames(folder: Path) -> None:
    path = write_numbered(folder / "closed.mp4", range(30))
    with Video.open(path) as video:
        pass
    with pytest.raises(ValueError, match="closed"):
        video.frames_at([0.5], 32)


def test_neighbours_are_the_native_frames_beside_each_sampled_one(constant: Path) -> None:
    with Video.open(constant) as video:
        frames = video.frames_at([0.0, 0.4, 1.0], 64, with_neighbours=True)
    here = numbers_of(frames.rgb)
    assert frames.before is not None
    assert frames.after is not None
    assert [None if picture is None else number_of(picture) for picture in frames.before] == [
        None,
        here[1] - 1,
        here[2] - 1,
    ]
    assert [None if picture is None else number_of(picture) for picture in frames.after] == [
        number + 1 for number in here
    ]


@pytest.mark.parametrize(("ticks", "step"), [(1, 1 / 25), (8, 8 / 25), (25, 1.0)])
def test_frames_say_how_far_away_their_neighbours_are(tmp_path: Path, ticks: int, step: float) -> None:
    path = write_numbered(tmp_path / "slow.mp4", range(0, 9 * ticks, ticks))
    with Video.open(path) as video:
        frames = video.frames_at([0.0, 4.1 * step, 8 * step], 64, with_neighbours=True)
    assert np.shape(frames.step_seconds) == (2, 3)
    assert frames.step_seconds == pytest.approx(step)
    assert [beside is None for beside in (*(frames.before or ()), *(frames.after or ()))] == [True, *4 * [False], True]


def test_each_neighbour_has_a_distance_of_its_own_if_the_rate_varies(tmp_path: Path) -> None:
    path = write_numbered(tmp_path / "varying.mp4", [0, 1, 3, 4, 6, 7])  # 25 ticks a second
    with Video.open(path) as video:
        frames = video.frames_at([0.05, 0.13, 0.25], 64, with_neighbours=True)
    assert frames.step_seconds * np.array(25) == pytest.approx(np.array([[1, 2, 2], [2, 1, 1]]))


def test_asking_for_neighbours_changes_no_sampled_frame(constant: Path) -> None:
    with Video.open(constant) as video:
        plain = video.frames_at([0.1, 1.3], 64)
        assert np.array_equal(plain.rgb, video.frames_at([0.1, 1.3], 64, with_neighbours=True).rgb)
    assert plain.before is None
    assert plain.after is None
