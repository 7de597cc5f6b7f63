"""Moving Shapes: what is drawn, what is said of it, and that one frame never tells which thing moves."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from deltaclip.shapes import SHAPE_COLOURS, SHAPE_KINDS, VOCABULARY, ShapesSpec, make_twins, make_world, write_world
from deltaclip.shapes.paths import GAP
from deltaclip.shapes.world import ShapesClip
from deltaclip.video import Video

STILL = ShapesSpec()


def changed(clip: ShapesClip, first: int, second: int) -> NDArray[np.bool_]:
    """Where two native frames differ by more than the compressed picture's noise."""
    one, other = clip.frames([first, second]).astype(int)
    return np.asarray(np.abs(one - other).max(-1) > 20)


def test_the_same_seed_draws_the_same_clip() -> None:
    one, other = make_twins(5, STILL)[1], make_twins(5, STILL)[1]
    assert one.caption == other.caption
    assert np.array_equal(one.frames([0, 30]), other.frames([0, 30]))


def test_twins_share_their_first_frame_and_differ_in_the_mover() -> None:
    twins = make_twins(3, STILL)
    first = [clip.frames([0])[0] for clip in twins]
    assert all(np.array_equal(first[0], picture) for picture in first)
    assert len({clip.caption for clip in twins}) == 3
    assert {clip.shots[0].mover for clip in twins} == {0, 1, 2}


def test_the_full_caption_names_the_mover_first_and_then_all_that_stay() -> None:
    clip = make_twins(0, STILL)[0]
    things, mover = clip.shots[0].things, clip.shots[0].mover
    second, third = (thing for number, thing in enumerate(things) if number != mover)
    assert mover is not None
    assert clip.caption == f"the {things[mover]} moves while the {second} and the {third} stay"


def test_only_the_mover_changes_under_a_still_camera() -> None:
    for clip in make_twins(11, STILL):
        moved = clip.true_motion([0, 20]).any(0)
        # Anti-aliased edges reach a pixel beyond the mask's half-covered ones.
        near = np.pad(moved, 1)
        near = near[2:, 1:-1] | near[:-2, 1:-1] | near[1:-1, 2:] | near[1:-1, :-2] | moved
        assert changed(clip, 0, 20).any()
        assert not (changed(clip, 0, 20) & ~near).any()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), objects=st.integers(2, 4), camera=st.sampled_from(["still", "pan", "shake"]))
def test_things_never_touch_and_never_leave_the_picture(seed: int, objects: int, camera: str) -> None:
    clip = make_twins(seed, ShapesSpec(num_objects=objects, camera=camera))[0]  # type: ignore[arg-type]
    shot = clip.shots[0]
    for frame in range(0, 48, 6):
        places = [track.place(frame, moving=n == shot.mover) for n, track in enumerate(shot.paths)]
        for n, (place, track) in enumerate(zip(places, shot.paths, strict=True)):
            assert (place > track.radius).all()
            assert (place < 224 - track.radius).all()
            for other, other_track in list(zip(places, shot.paths, strict=True))[:n]:
                assert np.hypot(*(place - other)) > track.radius + other_track.radius + GAP - 4


def test_the_mover_goes_one_to_two_and_a_half_pixels_a_frame_at_224() -> None:
    for seed in range(20):
        track = make_twins(seed, STILL)[0].shots[0].paths[0]
        steps = [np.hypot(*(track.place(n + 1, moving=True) - track.place(n, moving=True))) for n in range(47)]
        assert 0.99 <= np.median(steps) <= 2.51


def test_things_and_background_lie_apart_in_luma() -> None:
    weights = np.array([0.299, 0.587, 0.114])
    for clip in make_world(1, 30, STILL)[::3]:
        picture = clip.frames([0])[0] @ weights
        things = np.stack([twin.true_motion([0])[0] for twin in make_twins(1, STILL, clip.group)])
        ground = picture[~things.any(0)]
        for thing in things:
            assert abs(np.median(picture[thing]) - np.median(ground)) > 35


def test_equal_luma_leaves_the_grey_picture_flat() -> None:
    clip = make_twins(2, ShapesSpec(equal_luma=True))[0]
    luma = clip.frames([0])[0] @ np.array([0.299, 0.587, 0.114])
    assert np.ptp(luma) < 12
    assert np.ptp(clip.frames([0])[0][..., 0].astype(int)) > 40


def test_a_pan_moves_the_background_and_a_still_camera_does_not() -> None:
    corner = (slice(0, 8), slice(0, 8))
    still, pan = make_twins(4, STILL)[0], make_twins(4, ShapesSpec(camera="pan"))[0]
    assert np.array_equal(still.frames([0])[0][corner], still.frames([40])[0][corner])
    assert not np.array_equal(pan.frames([0])[0][corner], pan.frames([40])[0][corner])


def test_a_shaking_camera_stays_within_a_few_pixels_and_never_rests() -> None:
    from deltaclip.shapes.drawing import camera_way

    spec = ShapesSpec(camera="shake")
    way = camera_way(make_twins(4, spec)[0].shots[0], spec)
    assert np.abs(way).max() < 8
    assert (np.abs(np.diff(way, axis=0)).sum(1) > 0.01).all()


def test_noise_is_fresh_in_every_frame_and_as_strong_as_asked() -> None:
    clip = make_twins(4, ShapesSpec(noise=8.0))[0]
    one, other = clip.frames([0, 1]).astype(float)[:, :12, :12]
    assert 8 * np.sqrt(2) * 0.8 < np.std(one - other) < 8 * np.sqrt(2) * 1.2


def test_flicker_changes_brightness_of_the_whole_frame() -> None:
    means = make_twins(4, ShapesSpec(flicker=0.2))[0].frames(range(0, 48, 4)).mean((1, 2, 3))
    assert 0.05 < np.ptp(means) / means.mean() < 0.45


def test_a_cut_changes_places_and_background_but_neither_things_nor_mover() -> None:
    clip = make_twins(4, ShapesSpec(cuts=2))[1]
    assert len(clip.shots) == 3
    assert len({(shot.things, shot.mover) for shot in clip.shots}) == 1
    before, after = clip.frames([15, 16]).astype(int)
    assert np.abs(before - after).mean() > 3
    assert clip.caption.count("moves") == 1


def test_slow_motion_divides_the_way() -> None:
    clips = [make_twins(9, ShapesSpec(slow_motion=factor))[0] for factor in (1.0, 4.0)]
    speeds = [clip.shots[0].paths[0].speed for clip in clips]
    assert speeds[1] == pytest.approx(speeds[0] / 4)


def test_in_a_static_world_nothing_moves_and_the_caption_says_so() -> None:
    (clip,) = make_twins(4, ShapesSpec(static_only=True))
    assert clip.caption.startswith("nothing moves while the ")
    assert not clip.true_motion([0, 47]).any()
    assert np.array_equal(*clip.frames([0, 47]))


@pytest.mark.parametrize("seed", range(6))
def test_a_named_direction_is_the_one_the_mover_takes(seed: int) -> None:
    clip = make_twins(seed, ShapesSpec(directions=True))[0]
    rows, columns = zip(*(np.argwhere(mask).mean(0) for mask in clip.true_motion([0, 47])), strict=True)
    ways = {
        "left": -np.diff(columns)[0],
        "right": np.diff(columns)[0],
        "up": -np.diff(rows)[0],
        "down": np.diff(rows)[0],
    }
    named = clip.caption.split(" moves ")[1].split()[0]
    assert named == max(ways, key=lambda way: ways[way])


def test_a_long_clip_has_several_scenes_and_a_paragraph() -> None:
    clip = make_twins(4, ShapesSpec(scenes=3))[0]
    assert clip.num_frames == 144
    assert clip.duration_seconds == 6.0
    assert clip.caption.count(". ") == 2
    assert clip.true_motion([10, 60, 110]).any((1, 2)).all()


def test_varied_captions_are_true_and_use_known_words_only() -> None:
    rng = np.random.default_rng(0)
    for clip in make_world(3, 60, ShapesSpec(directions=True)):
        shot = clip.shots[0]
        assert shot.mover is not None
        for _ in range(5):
            words = clip.varied_caption(rng).replace(",", "").split()
            assert set(words) <= set(VOCABULARY)
            said = set(words) & {*SHAPE_COLOURS, *SHAPE_KINDS}
            assert said <= {part for thing in shot.things for part in (thing.colour, thing.kind)}


def test_mover_captions_tell_the_mover_alone_in_known_words() -> None:
    rng = np.random.default_rng(0)
    for clip in make_world(3, 30, ShapesSpec(directions=True)):
        shot = clip.shots[0]
        assert shot.mover is not None
        mover = shot.things[shot.mover]
        for _ in range(5):
            words = set(clip.mover_caption(rng).split())
            assert words <= set(VOCABULARY)
            assert words & {*SHAPE_COLOURS, *SHAPE_KINDS} <= {mover.colour, mover.kind}
            assert words & {"left", "leftwards", "right", "rightwards", "up", "upwards", "down", "downwards"}
    assert len({clip.mover_caption(rng) for _ in range(20)}) > 5


def test_a_clip_without_a_mover_has_no_sentence_of_one() -> None:
    [clip] = make_twins(0, ShapesSpec(static_only=True))
    said = clip.mover_caption(np.random.default_rng(0))
    assert sum(str(thing.colour) in said for thing in clip.shots[0].things) >= 1
    assert "moves" not in said.replace("nothing moves", "")


def test_varied_captions_differ() -> None:
    rng = np.random.default_rng(0)
    clip = make_twins(0, STILL)[0]
    assert len({clip.varied_caption(rng) for _ in range(60)}) > 25


def test_no_two_clips_of_a_world_share_a_caption() -> None:
    clips = make_world(2, 300, STILL)
    assert len({clip.caption for clip in clips}) == 300
    assert len({clip.group for clip in clips}) == 100


@pytest.mark.parametrize(
    "wrong", [{"size": 64}, {"num_objects": 5}, {"cuts": 30}, {"scenes": 0}, {"noise": -1.0}, {"flicker": 1.0}]
)
def test_an_impossible_world_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ShapesSpec(**wrong)  # type: ignore[arg-type]


def test_a_written_world_reads_back_as_it_was_drawn(tmp_path: Path) -> None:
    clips = make_world(6, 3, STILL)
    paths = write_world(tmp_path, clips)
    lines = [json.loads(line) for line in (tmp_path / "captions.jsonl").read_text().splitlines()]
    assert [line["caption"] for line in lines] == [clip.caption for clip in clips]
    with Video.open(paths[1]) as video:
        assert video.info.duration_seconds == pytest.approx(2.0)
        shown = video.frames_at([0.0, 1.0], 96).rgb
    assert np.abs(shown.astype(int) - clips[1].frames([0, 24])).mean() < 4


def test_shake_of_strength_nought_is_a_still_camera_in_the_places_of_a_shaken_one(tmp_path: Path) -> None:
    calm, hand, strong = (make_twins(4, ShapesSpec(camera="shake", shake=times))[0] for times in (0.0, 1.0, 1.75))
    for one, other in zip(calm.shots[0].paths, hand.shots[0].paths, strict=True):
        assert (one.phase, one.speed, one.turn) == (other.phase, other.speed, other.turn)
        assert np.array_equal(one.start, other.start)
    backgrounds = [clip.frames([0, 12])[:, :8, :8] for clip in (calm, hand, strong)]
    moved = [np.abs(pair[0].astype(int) - pair[1]).mean() for pair in backgrounds]
    assert moved[0] == 0
    assert moved[1] > 0


def test_more_compression_makes_a_smaller_file(tmp_path: Path) -> None:
    sizes = []
    for crf in (18, 45):
        [path] = write_world(tmp_path / str(crf), make_world(2, 1, ShapesSpec(crf=crf)))
        sizes.append(path.stat().st_size)
    assert sizes[1] < sizes[0] / 2


@pytest.mark.parametrize("wrong", [{"shake": 2.0}, {"shake": -1.0}, {"crf": 52}])
def test_shake_and_compression_have_their_limits(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ShapesSpec(**wrong)
