"""Checkpoint folders: what is written is what is read, and what does not fit is said."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import CLIPModel

import deltaclip.model.saving as room
from deltaclip.errors import CheckpointError
from deltaclip.model import (
    CheckpointRecord,
    SourceFile,
    Tokenizer,
    image_features,
    load_checkpoint,
    model_spec,
    save_checkpoint,
    text_features,
)
from tests.helpers import with_alpha

from .conftest import WORDS, edit_config, ids, make_plain, pictures, plainly_loaded, trained_like


@torch.no_grad()
def test_a_checkpoint_read_back_gives_the_same_bits(folder: Path, model: CLIPModel) -> None:
    loaded = load_checkpoint(folder)
    assert torch.equal(image_features(loaded.model, pictures()), image_features(model, pictures()))
    assert torch.equal(text_features(loaded.model, ids()), text_features(model, ids()))
    assert loaded.tokenizer is not None
    assert loaded.tokenizer.encode(["the red square"]) == [[8, 5, 6]]


def test_a_loaded_model_is_float32_without_gradients_pending_and_not_training(folder: Path) -> None:
    model = load_checkpoint(folder).model
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}
    assert all(weight.requires_grad for weight in model.parameters())
    assert not model.training


@torch.no_grad()
def test_plain_transformers_loads_a_checkpoint_with_nothing_missing_and_gives_the_same(
    folder: Path, model: CLIPModel
) -> None:
    plain = plainly_loaded(folder)
    # Theirs convolves, ours multiplies: the same sums in a different order.
    torch.testing.assert_close(image_features(plain, pictures()), image_features(model, pictures()))
    assert torch.equal(text_features(plain, ids()), text_features(model, ids()))


def test_the_record_comes_back_whole(tmp_path: Path, model: CLIPModel) -> None:
    record = CheckpointRecord(
        source=(SourceFile("clip.pt", "ab12"),),
        hub="owner/model",
        licence="MIT",
        alpha="trained",
        motion="difference",
        num_frames=4,
        max_words=9,
        training={"steps": 3, "r1": 41.5},
    )
    save_checkpoint(tmp_path / "new", model, None, record)
    assert load_checkpoint(tmp_path / "new").record == record


def test_the_record_says_of_alpha_what_the_weights_hold(tmp_path: Path, model: CLIPModel) -> None:
    save_checkpoint(tmp_path / "new", model, None, CheckpointRecord(alpha="zero"))
    assert json.loads((tmp_path / "new" / "deltaclip.json").read_text())["alpha"] == "trained"


@torch.no_grad()
def test_rows_are_never_longer_than_the_models_context(tmp_path: Path, model: CLIPModel) -> None:
    save_checkpoint(tmp_path / "new", model, None, CheckpointRecord(max_words=77))
    assert load_checkpoint(tmp_path / "new").record.max_words == 9


def test_a_plain_clip_of_three_channels_gets_an_alpha_channel_of_zeros(folder: Path, model: CLIPModel) -> None:
    make_plain(folder)
    loaded = load_checkpoint(folder)
    assert loaded.record.alpha == "zero"
    assert loaded.record.licence == "unknown"
    assert loaded.record.source[0].name == "model.safetensors"
    pixels, alpha = pictures()[:, :3], pictures()[:, 3:]
    expected = plainly_loaded(folder).get_image_features(pixel_values=pixels).pooler_output
    torch.testing.assert_close(image_features(loaded.model, with_alpha(pixels, alpha)), expected, atol=1e-5, rtol=0)


@torch.no_grad()
def test_an_old_configuration_that_pools_at_the_largest_id_gives_the_same_features_and_names_its_end(
    folder: Path,
) -> None:
    make_plain(folder)
    edit_config(folder, lambda values: values["text_config"].update(eos_token_id=2, bos_token_id=0, pad_token_id=1))
    loaded, original = load_checkpoint(folder).model, plainly_loaded(folder)
    assert (model_spec(loaded).begin, model_spec(loaded).end) == (10, 11)
    assert torch.equal(text_features(loaded, ids()), text_features(original, ids()))


def test_the_licence_is_read_from_the_model_card(folder: Path) -> None:
    make_plain(folder)
    (folder / "README.md").write_text("---\ntags:\n- vision\nlicense: mit\n---\n\n# Model\nlicense: other\n")
    assert load_checkpoint(folder).record.licence == "mit"


def test_weights_as_a_pickle_of_tensors_are_read_where_there_is_no_safetensors(folder: Path) -> None:
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    assert load_checkpoint(folder).record.max_words == 9


def test_position_counters_of_old_transformers_files_are_passed_over(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    weights["text_model.embeddings.position_ids"] = torch.arange(9)[None]
    save_file(weights, folder / "model.safetensors")
    assert load_checkpoint(folder).record.alpha == "trained"


def test_loading_says_nothing_on_the_terminal(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    load_checkpoint(folder)
    assert capfd.readouterr() == ("", "")


def drop_weight(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    del weights["logit_scale"]
    save_file(weights, folder / "model.safetensors")


def add_weight(folder: Path) -> None:
    save_file(load_file(folder / "model.safetensors") | {"head.bias": torch.ones(1)}, folder / "model.safetensors")


def cut_weights(folder: Path) -> None:
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (drop_weight, "1 weights missing: logit_scale"),
        (add_weight, "1 unmapped weights: head.bias|1 weights unexpected: head.bias"),
        (cut_weights, "not a whole safetensors file"),
        (lambda folder: (folder / "config.json").unlink(), "no config.json"),
        (lambda folder: (folder / "config.json").write_text("{"), "cannot be read as json"),
        (lambda folder: (folder / "config.json").write_text('{"model_type": "bert"}'), "'bert', not 'clip'"),
        (lambda folder: (folder / "model.safetensors").unlink(), "neither model.safetensors nor pytorch_model.bin"),
        (lambda folder: (folder / "model.safetensors").write_text("<!DOCTYPE html><p>"), "a web page"),
        (lambda folder: (folder / "deltaclip.json").write_text('{"colour": 1}'), "unknown entries colour"),
        (lambda folder: (folder / "deltaclip.json").write_text('{"alpha": "some"}'), "not the record"),
        (lambda folder: (folder / "deltaclip.json").write_text('{"max_words": true}'), "max_words must be a whole"),
        (lambda folder: (folder / "tokenizer.json").write_text("{}"), "not a tokenizer.json"),
        (
            lambda folder: edit_config(folder, lambda v: v["text_config"].update(eos_token_id=49407)),
            "of a vocabulary of 12",
        ),
        (
            lambda folder: edit_config(folder, lambda v: v["vision_config"].update(hidden_size=64)),
            "of a different shape",
        ),
    ],
)
def test_a_damaged_checkpoint_is_named_with_what_is_wrong(
    folder: Path, damage: Callable[[Path], object], found: str
) -> None:
    damage(folder)
    with pytest.raises(CheckpointError, match=found):
        load_checkpoint(folder)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["red"], "the tokenizer ends texts with 4, the model with 11"),
        ([*"abcdefghijkl"], "of 16 tokens beside a model"),
    ],
)
def test_a_tokenizer_of_another_model_is_refused(
    words: list[str], found: str, tmp_path: Path, model: CLIPModel
) -> None:
    with pytest.raises(CheckpointError, match=found):
        save_checkpoint(tmp_path / "new", model, Tokenizer.from_words(words), CheckpointRecord())
    assert not (tmp_path / "new").exists()


def test_an_older_checkpoint_is_replaced_and_nothing_stays_beside(folder: Path) -> None:
    other = trained_like(seed=2)
    save_checkpoint(folder, other, None, CheckpointRecord(licence="MIT"))
    assert load_checkpoint(folder).record.licence == "MIT"
    assert not (folder / "tokenizer.json").exists()
    assert [path.name for path in folder.parent.iterdir()] == ["checkpoint"]


def test_a_folder_that_is_no_checkpoint_is_left_alone(tmp_path: Path, model: CLIPModel) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_text("cat")
    with pytest.raises(CheckpointError, match="is not a deltaclip checkpoint"):
        save_checkpoint(tmp_path / "photos", model, None, CheckpointRecord())
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["cat.jpg"]


def test_a_write_that_fails_leaves_the_old_checkpoint_and_no_rest(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    before = (folder / "model.safetensors").read_bytes()
    monkeypatch.setattr(room, "save_file", full_disk)
    with pytest.raises(CheckpointError, match="No space left"):
        save_checkpoint(folder, trained_like(seed=2), None, CheckpointRecord())
    assert (folder / "model.safetensors").read_bytes() == before
    assert [path.name for path in folder.parent.iterdir()] == ["checkpoint"]


def test_what_else_lies_in_the_folder_of_an_older_checkpoint_stays(folder: Path) -> None:
    # average --overwrite into a run's folder removed the run, its states and its frame cache
    (folder / "training" / "cache").mkdir(parents=True)
    (folder / "training" / "cache" / "shard-00000.tar").write_text("frames")
    (folder / "README.md").write_text("mine")
    save_checkpoint(folder, trained_like(seed=2), None, CheckpointRecord(licence="MIT"))
    assert (folder / "training" / "cache" / "shard-00000.tar").read_text() == "frames"
    assert (folder / "README.md").read_text() == "mine"
    assert load_checkpoint(folder).record.licence == "MIT"


@pytest.mark.parametrize(
    "stale",
    [
        "pytorch_model.bin",
        "model-00001-of-00002.safetensors",
        "model.safetensors.index.json",
        "vocab.json",
        "tf_model.h5",
    ],
)
def test_no_weights_or_tokens_of_an_older_checkpoint_are_left(folder: Path, stale: str) -> None:
    (folder / stale).write_text("older")
    save_checkpoint(folder, trained_like(seed=2), None, CheckpointRecord())
    assert sorted(path.name for path in folder.iterdir()) == [
        "config.json",
        "deltaclip.json",
        "model.safetensors",
        "preprocessor_config.json",
    ]


@pytest.mark.parametrize("at", range(11))
def test_an_older_checkpoint_comes_back_where_its_replacing_fails(
    folder: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    (folder / "pytorch_model.bin").write_text("older")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    moves = {"rename": Path.rename, "replace": Path.replace}
    done = 0

    def failing(name: str) -> Callable[[Path, Path], Path]:
        def move(path: Path, to: Path) -> Path:
            nonlocal done
            done += 1
            if done == at + 1:
                raise OSError(5, "Input/output error")
            return moves[name](path, to)

        return move

    for name in moves:
        monkeypatch.setattr(Path, name, failing(name))
    if at < 10:  # five older files go away, five new ones come
        with pytest.raises(CheckpointError, match="Input/output error"):
            save_checkpoint(folder, trained_like(seed=2), Tokenizer.from_words(WORDS), CheckpointRecord())
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    else:
        save_checkpoint(folder, trained_like(seed=2), Tokenizer.from_words(WORDS), CheckpointRecord())
    assert [path.name for path in folder.parent.iterdir()] == ["checkpoint"]


def test_after_a_kill_while_files_are_replaced_nothing_loads_and_saving_again_completes_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class KilledError(BaseException):
        pass

    replace = Path.replace

    def kill_at_the_weights(path: Path, to: Path) -> Path:
        if path.name == "model.safetensors":
            raise KilledError
        return replace(path, to)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", kill_at_the_weights)
        patch.setattr(room, "_put_back", lambda *_: None)  # a killed process mends nothing
        with pytest.raises(KilledError):
            save_checkpoint(folder, trained_like(seed=2), None, CheckpointRecord())
    with pytest.raises(CheckpointError, match=r"no config\.json"):
        load_checkpoint(folder)
    [old] = folder.parent.glob(".checkpoint.*.old")
    assert {path.name for path in old.iterdir()} >= {"config.json", "model.safetensors", "deltaclip.json"}
    save_checkpoint(folder, trained_like(seed=2), None, CheckpointRecord(licence="MIT"))
    assert load_checkpoint(folder).record.licence == "MIT"


def test_a_checkpoint_larger_than_a_file_may_be_is_told_and_leaves_nothing(tmp_path: Path, model: CLIPModel) -> None:
    # safetensors raises an error of its own, which nobody had foreseen
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(CheckpointError, match=r"new: cannot be written \(.*too large.*\)\. Free some space"):
            save_checkpoint(tmp_path / "new", model, None, CheckpointRecord())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.iterdir())


def test_all_files_of_a_checkpoint_are_as_readable_as_any_new_file(folder: Path) -> None:
    # safetensors writes for the owner alone
    (folder.parent / "other").touch()
    modes = {path.name: path.stat().st_mode for path in folder.iterdir()}
    assert set(modes.values()) == {(folder.parent / "other").stat().st_mode}


def test_a_file_in_place_of_a_folder_is_sent_to_convert(tmp_path: Path) -> None:
    (tmp_path / "ViT-B-32.pt").write_bytes(b"weights")
    with pytest.raises(CheckpointError, match="deltaclip convert --clip FILE"):
        load_checkpoint(tmp_path / "ViT-B-32.pt")


def test_a_checkpoint_prints_its_record_and_no_weights(folder: Path) -> None:
    assert repr(load_checkpoint(folder)).startswith("Checkpoint(CheckpointRecord(")
    assert "tensor" not in repr(load_checkpoint(folder))
