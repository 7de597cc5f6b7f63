"""The encoder: unit rows, batches that do not matter, a fingerprint that tells encoders apart."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from deltaclip.encoder import ChoiceError, Encoder, EncoderSpec, TorchEngine, choose_placement
from deltaclip.errors import CheckpointError, PrecisionError, VideoError
from deltaclip.library import Library
from deltaclip.model import CheckpointRecord, load_checkpoint, save_checkpoint, widened
from deltaclip.reader import read_video
from tests.faults import FaultyInBfloat16, Operations, attention, biased_products, plain_products
from tests.helpers import centred_cosines, small_checkpoint, write_square

EXACT = EncoderSpec(device="cpu", precision="float32", engine="torch")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_checkpoint(tmp_path_factory.mktemp("checkpoint") / "small")


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    home = tmp_path_factory.mktemp("videos")
    return [write_square(home / f"{step}.mp4", step=step) for step in (0, 1)]


def test_videos_and_texts_become_unit_rows_of_one_space(folder: Path, videos: list[Path]) -> None:
    encoder = Encoder.load(folder, EXACT)
    video_rows = encoder.encode_videos(videos)
    text_rows = encoder.encode_texts(["the red square moves", "a blue circle", "stays"])
    assert video_rows.shape == (2, encoder.dimension)
    assert text_rows.shape == (3, encoder.dimension)
    assert video_rows.dtype == text_rows.dtype == np.float32
    assert np.linalg.norm(np.concatenate([video_rows, text_rows]), axis=1) == pytest.approx(np.ones(5), abs=1e-5)


def test_nothing_in_gives_no_rows_out(folder: Path) -> None:
    encoder = Encoder.load(folder, EXACT)
    assert encoder.encode_videos([]).shape == (0, 16)
    assert encoder.encode_texts([]).shape == (0, 16)


def test_a_batch_of_videos_gives_what_each_gives_alone(folder: Path, videos: list[Path]) -> None:
    encoder = Encoder.load(folder, EXACT)
    together = encoder.encode_videos(videos * 6)
    alone = np.concatenate([encoder.encode_videos([path]) for path in videos])
    assert np.abs(together - np.tile(alone, (6, 1))).max() < 1e-5


def test_one_string_instead_of_a_list_is_refused(folder: Path) -> None:
    with pytest.raises(TypeError, match="list"):
        Encoder.load(folder, EXACT).encode_texts("a red square")


@pytest.mark.usefixtures("unchecked_types")
@pytest.mark.parametrize("one", ["a.mp4", Path("a.mp4"), b"a.mp4"])
def test_one_path_instead_of_a_list_is_refused(folder: Path, one: Any) -> None:
    # a string was taken for a list of its letters
    with pytest.raises(TypeError, match="encode_videos takes a list of paths"):
        Encoder.load(folder, EXACT).encode_videos(one)


def test_a_path_from_home_is_found_and_a_name_with_a_tilde_is_a_name(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    write_square(tmp_path / "a.mp4")
    write_square(tmp_path / "~a.mp4")
    assert len(Encoder.load(folder, EXACT).encode_videos(["~/a.mp4", "~a.mp4"])) == 2


@pytest.mark.usefixtures("unchecked_types")
@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"num_frames": 0}, "num_frames starts at 1, not 0"),
        ({"motion": ""}, "motion '': choose one of difference"),
        ({"precision": "float16"}, "precision 'float16' is not one of auto, fp32, bf16, int8"),
        ({"device": "cpu:3"}, "device cpu:3: there is only one cpu"),
        ({"max_words": 1}, "max_words is 1: from 2"),
        ({"sampling": "half"}, "sampling is 'half': choose one of uniform"),
    ],
)
def test_a_choice_that_does_not_exist_is_refused_by_name_and_never_replaced(
    folder: Path, choice: dict[str, Any], said: str
) -> None:
    with pytest.raises(ChoiceError, match=said):
        Encoder.load(folder, EncoderSpec(**{"device": "cpu", "precision": "float32", **choice}))


def test_a_record_that_asks_for_a_mask_that_does_not_exist_is_no_choice_of_the_users(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"motion 'optical'.*Correct motion"):
        Encoder.load(small_checkpoint(tmp_path / "own", motion="optical"), EXACT)


def test_a_library_is_opened_with_a_loaded_encoder_and_a_name_is_told_so(tmp_path: Path) -> None:
    name: Any = "shapes"
    with pytest.raises(TypeError, match=r"Encoder\.load\('shapes'\)"):
        Library.open(tmp_path / "library", name)
    assert not (tmp_path / "library").exists()


def test_a_bad_video_is_named_and_no_row_is_invented(folder: Path, videos: list[Path], tmp_path: Path) -> None:
    (tmp_path / "bad.mp4").write_bytes(b"")
    with pytest.raises(VideoError, match=r"bad\.mp4"):
        Encoder.load(folder, EXACT).encode_videos([videos[0], tmp_path / "bad.mp4"])


def test_masks_change_a_vector_where_alpha_weights_are_not_zero(folder: Path, videos: list[Path]) -> None:
    masked = Encoder.load(folder, EncoderSpec("difference", device="cpu", precision="float32"))
    full = Encoder.load(folder, EncoderSpec("full", device="cpu", precision="float32"))
    moving = videos[1:]
    assert np.abs(masked.encode_videos(moving) - full.encode_videos(moving)).max() > 1e-3
    assert masked.fingerprint != full.fingerprint


def test_with_zero_alpha_weights_no_mask_is_computed_and_none_matters(tmp_path: Path, videos: list[Path]) -> None:
    folder = small_checkpoint(tmp_path / "zero", alpha="zero")
    encoders = [Encoder.load(folder, EncoderSpec(motion, device="cpu")) for motion in ("difference", "full")]
    assert [encoder.reader_spec.motion for encoder in encoders] == [None, None]
    assert encoders[0].fingerprint == encoders[1].fingerprint
    assert "masks change nothing" in encoders[0].describe()


def test_the_checkpoints_own_mask_and_frames_are_taken(tmp_path: Path) -> None:
    encoder = Encoder.load(small_checkpoint(tmp_path / "own", motion="inverted", num_frames=3), EXACT)
    assert encoder.reader_spec.motion_word == "inverted"
    assert encoder.reader_spec.num_frames == 3


def test_the_fingerprint_is_the_same_for_the_same_weights_and_another_for_one_changed(folder: Path) -> None:
    checkpoint = load_checkpoint(folder)

    def encoder(name: str) -> Encoder:
        return Encoder(name, TorchEngine(checkpoint.model, "cpu"), checkpoint.tokenizer, checkpoint.record)

    same = encoder("one").fingerprint
    assert Encoder.load(folder, EXACT).fingerprint == same
    with torch.no_grad():
        checkpoint.model.get_parameter("visual_projection.weight")[0, 0] += 1
    assert encoder("other").fingerprint != same


def test_frames_are_in_the_fingerprint_and_precision_is_not(folder: Path) -> None:
    plain = Encoder.load(folder, EXACT).fingerprint
    assert Encoder.load(folder, EncoderSpec(num_frames=5, device="cpu")).fingerprint != plain
    assert Encoder.load(folder, EncoderSpec(device="cpu", precision="bfloat16")).fingerprint == plain


def test_bf16_vectors_stay_near_the_exact_ones(folder: Path, videos: list[Path], processor: str) -> None:
    exact = Encoder.load(folder, EXACT).encode_videos(videos)
    rounded = Encoder.load(folder, EncoderSpec(device="cpu", precision="bfloat16")).encode_videos(videos)
    assert (exact * rounded).sum(1).min() > 0.999
    # Two squares differ by little: without what they share nothing hides behind it.
    assert centred_cosines(exact, rounded).min() > 0.99, processor


def test_without_a_tokenizer_texts_are_refused_with_the_remedy(folder: Path) -> None:
    encoder = Encoder("bare", TorchEngine(load_checkpoint(folder).model, "cpu"))
    with pytest.raises(CheckpointError, match="--tokenizer"):
        encoder.encode_texts(["a"])


def test_clips_are_encoded_as_videos_are(folder: Path, videos: list[Path]) -> None:
    encoder = Encoder.load(folder, EXACT)
    clips = [read_video(path, encoder.reader_spec) for path in videos]
    assert np.array_equal(encoder.encode_clips(clips), encoder.encode_videos(videos))


def test_the_device_is_told_with_its_reason() -> None:
    placement = choose_placement("cpu", "float32")
    assert str(placement) == "cpu (fp32, as asked)"
    if not torch.cuda.is_available() and not torch.backends.mps.is_available():
        assert choose_placement().reason == "no GPU was found"


def test_a_relative_folder_is_remembered_whole(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    assert Encoder.load("small", EXACT).name == str(folder.resolve())


def test_the_hub_encoder_offline_says_exactly_what_to_do() -> None:
    with pytest.raises(CheckpointError, match="openai/clip-vit-base-patch32"):
        Encoder.load("openai/clip-vit-base-patch32")


def test_clips_with_fewer_frames_are_pooled_over_what_they_have(folder: Path, tmp_path: Path) -> None:
    spec = EncoderSpec(device="cpu", precision="float32", sampling="clip4clip-uniform", num_frames=3)
    encoder = Encoder.load(folder, spec)
    paths = [write_square(tmp_path / f"{n}.mp4", num_frames=n) for n in (8, 36, 20)]  # of 12 a second
    assert [len(read_video(path, encoder.reader_spec).frames) for path in paths] == [1, 3, 2]
    together = encoder.encode_videos(paths)
    alone = np.concatenate([encoder.encode_videos([path]) for path in paths])
    assert np.abs(together - alone).max() < 1e-5


def test_sampling_and_words_are_in_the_fingerprint_where_they_are_not_the_default(folder: Path) -> None:
    plain = Encoder.load(folder, EXACT).fingerprint
    specs = (EncoderSpec(sampling="clip4clip-head"), EncoderSpec(sampling="clip4clip-tail"), EncoderSpec(max_words=6))
    assert len({plain, *(Encoder.load(folder, spec).fingerprint for spec in specs)}) == 4
    assert Encoder.load(folder, EncoderSpec(sampling="uniform", max_words=12)).fingerprint == plain


def test_more_words_than_the_model_has_places_for_are_refused(folder: Path) -> None:
    assert Encoder.load(folder, EncoderSpec(max_words=6)).token_rows(["red " * 20]).shape == (1, 6)
    with pytest.raises(ValueError, match="max_words is 13"):
        Encoder.load(folder, EncoderSpec(max_words=13))


def test_an_unknown_sampling_is_refused_by_name(folder: Path) -> None:
    with pytest.raises(ValueError, match="choose one of uniform, clip4clip-head"):
        Encoder.load(folder, EncoderSpec(sampling="random"))


@pytest.mark.parametrize(
    ("device", "said"),
    [
        ("foo", "'foo' is not one of auto, cpu, cuda, cuda:1, mps"),
        ("meta", "'meta' is not one of auto"),
        ("cuda:99", "device cuda:99: .* CUDA GPU"),
        ("", "'' is not one of auto"),
    ],
)
def test_a_device_that_is_not_there_is_told_by_name(device: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        choose_placement(device)


@pytest.fixture
def native_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any processor as one that multiplies bf16, so that auto would take it."""
    monkeypatch.setattr("deltaclip.model.placement._native_bfloat16", lambda device: (True, "it has amx_bf16"))


@pytest.mark.usefixtures("native_bf16")
def test_auto_takes_bf16_after_a_check_that_passed(folder: Path, processor: str) -> None:
    engine = Encoder.load(folder, EncoderSpec(device="cpu", engine="torch")).engine
    assert engine.facts["self_check"]["passed"], f"{engine.facts['self_check']} on {processor}"
    assert str(engine) == "cpu (bf16, as asked)"
    assert engine.notes == ()


@pytest.mark.parametrize("operations", [plain_products, biased_products, attention])
@pytest.mark.usefixtures("native_bf16")
def test_where_bf16_is_wrong_auto_takes_float32_and_says_so(
    folder: Path, videos: list[Path], operations: Operations
) -> None:
    with FaultyInBfloat16(operations):
        encoder = Encoder.load(folder, EncoderSpec(device="cpu", engine="torch"))
        found = encoder.encode_videos(videos), encoder.encode_texts(["a red square"])
    exact = Encoder.load(folder, EXACT)
    assert "fp32, as asked, bf16 is not used: it gives wrong numbers on this machine" in encoder.describe()
    assert ["wrong numbers on this machine" in note for note in encoder.engine.notes] == [True]
    assert np.array_equal(found[0], exact.encode_videos(videos))
    assert np.array_equal(found[1], exact.encode_texts(["a red square"]))


def test_where_bf16_is_wrong_and_was_asked_for_it_is_refused(folder: Path) -> None:
    with FaultyInBfloat16(plain_products), pytest.raises(PrecisionError, match="wrong numbers on this machine"):
        Encoder.load(folder, EncoderSpec(device="cpu", precision="bfloat16"))


def test_fewer_patches_are_another_encoder_whose_masks_count_even_with_zero_alpha(
    tmp_path: Path, videos: list[Path]
) -> None:
    silent = small_checkpoint(tmp_path / "zero", alpha="zero")
    whole, half = (Encoder.load(silent, EXACT), Encoder.load(silent, replace(EXACT, keep=0.5)))
    assert (whole.alpha_acts, half.alpha_acts) == (False, True)
    assert (whole.reader_spec.motion, half.reader_spec.motion_word) == (None, "subject")
    assert half.describe().endswith("50% of the patches")
    assert len({each.fingerprint for each in (whole, half, half.with_options(keep=0.25))}) == 3
    assert whole.with_options(keep=1.0).fingerprint == whole.fingerprint
    vectors = half.encode_videos(videos)
    assert not np.allclose(vectors, whole.encode_videos(videos), atol=1e-3)
    other = half.with_options(motion="inverted").encode_videos(videos)
    assert not np.allclose(vectors, other, atol=1e-4)  # other patches


@pytest.mark.parametrize("keep", [0.0, -0.5, 1.5, float("nan")])
def test_a_share_of_the_patches_that_does_not_exist_is_refused(folder: Path, keep: Any) -> None:
    with pytest.raises(ValueError, match=r"keep is .*: a share above 0 and at most 1"):
        Encoder.load(folder, replace(EXACT, keep=keep))


def test_bf16_texts_stay_near_the_exact_ones(folder: Path, processor: str) -> None:
    texts = ["the red square moves", "a blue circle", "stays"]
    exact = Encoder.load(folder, EXACT).encode_texts(texts)
    rounded = Encoder.load(folder, EncoderSpec(device="cpu", precision="bfloat16")).encode_texts(texts)
    assert centred_cosines(exact, rounded).min() > 0.99, processor


def test_wrong_kinds_are_named_where_no_test_checks_types(tmp_path: Path) -> None:
    """In a process of its own: here, wrong types are caught by what the tests put around every function."""
    script = """
import sys
from pathlib import Path
from deltaclip import Encoder
from deltaclip.model.record import CheckpointRecord
for spec in (None, "subject", {"motion": "subject"}):
    try:
        Encoder.load("shapes", spec)
    except TypeError as error:
        print(error)
for text in ('{"num_frames": 6.0}', '{"known_from": [1]}', '{"training": [1]}'):
    Path(sys.argv[1]).write_text(text)
    try:
        CheckpointRecord.read(Path(sys.argv[1]))
    except Exception as error:
        print(error)
"""
    command = [sys.executable, "-c", script, str(tmp_path / "deltaclip.json")]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    kinds = ("NoneType", "str", "dict")
    assert [line.partition(":")[0] for line in told[:3]] == [f"spec is an EncoderSpec, not {kind}" for kind in kinds]
    assert ["num_frames must be a whole number from 1 on, not 6.0" in line for line in told[3:]] == [True, False, False]
    assert ["known_from and training must be objects" in line for line in told[3:]] == [False, True, True]


def test_options_are_given_by_name_or_as_a_spec(folder: Path) -> None:
    by_name = Encoder.load(folder, motion="inverted", num_frames=3, device="cpu", precision="float32")
    by_spec = Encoder.load(folder, EncoderSpec(motion="inverted", num_frames=3, device="cpu", precision="float32"))
    assert by_name.fingerprint == by_spec.fingerprint
    assert (by_name.reader_spec, by_name.precision) == (by_spec.reader_spec, "float32")


@pytest.mark.usefixtures("unchecked_types")
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"devise": "cpu"}, "Encoder.load has no option 'devise': did you mean device?"),
        ({"q": 1}, "Encoder.load has no option 'q': the options are motion, num_frames, device, precision"),
        (
            {"spec": EncoderSpec(device="cpu"), "motion": "full"},
            "a spec or options, not both: put motion into the spec",
        ),
    ],
)
def test_options_that_do_not_exist_or_come_twice_are_refused(folder: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(TypeError, match=re.escape(said)):
        Encoder.load(folder, **options)


@pytest.mark.usefixtures("unchecked_types")
def test_with_options_takes_nothing_that_the_engine_was_made_with(folder: Path) -> None:
    wrong: Any = {"device": "cpu"}
    with pytest.raises(TypeError, match="with_options has no option 'device': the options are motion"):
        Encoder.load(folder, EXACT).with_options(**wrong)


def test_an_encoder_without_channels_of_motion_refuses_a_mask_that_has_them(folder: Path) -> None:
    with pytest.raises(ChoiceError, match=r"no channels for flow .*train it with that mask"):
        Encoder.load(folder, motion="subject+flow", device="cpu")


def test_an_encoder_of_flow_reads_it_and_takes_clips_without_it(tmp_path: Path, videos: list[Path]) -> None:
    loaded = load_checkpoint(small_checkpoint(tmp_path / "small"))
    model = widened(loaded.model, ("flow",))
    with torch.no_grad():
        weight = model.vision_model.embeddings.patch_embedding.weight
        weight[:, 4:] = torch.randn(weight[:, 4:].shape, generator=torch.Generator().manual_seed(0))
    save_checkpoint(tmp_path / "flow", model, loaded.tokenizer, CheckpointRecord(motion="subject+flow", num_frames=4))
    encoder = Encoder.load(tmp_path / "flow", EXACT)
    clip = read_video(videos[1], encoder.reader_spec)
    assert clip.frames.shape[1] == 6
    assert (clip.frames[:, 4] != 128).any()
    plain = encoder.with_options(motion="subject")
    assert plain.fingerprint != encoder.fingerprint
    alone = read_video(videos[1], plain.reader_spec)
    assert np.array_equal(alone.frames, clip.frames[:, :4])
    neutral = replace(clip, frames=clip.frames.copy())
    neutral.frames[:, 4:] = 128
    rows = encoder.encode_clips([clip, alone, neutral])
    assert rows[1] == pytest.approx(rows[2], abs=1e-6)
    assert abs(rows[0] - rows[1]).max() > 1e-4
