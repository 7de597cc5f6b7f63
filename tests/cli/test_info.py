"""`info` on motion encoders: beside an encoder, and alone."""

from pathlib import Path

import numpy as np
import pytest

from deltaclip.encoder import Encoder, MotionEncoder, MotionNetwork, MotionSizes, save_motion_encoder
from deltaclip.library import Library
from deltaclip.model import TokenWeights, load_checkpoint, save_checkpoint
from deltaclip.motion_words import MAX_WORDS, vocabulary
from tests.cli.calls import Call
from tests.helpers import small_checkpoint, write_square

CHECKPOINTS = Path(str(__import__("deltaclip").__path__[0])) / "checkpoints"


def test_info_names_the_motion_encoder_beside_an_encoder(deltaclip: Call) -> None:
    code, facts, _ = deltaclip("info", "shapes", "--json")
    folder = CHECKPOINTS / "motion"
    assert code == 0
    assert facts["encoder"] == "shapes"
    beside = facts["motion_encoder"]
    assert (beside["name"], beside["folder"]) == ("motion", str(folder))
    assert beside["fingerprint"] == MotionEncoder.load().fingerprint
    assert beside["vocabulary_size"] == len(vocabulary())
    assert beside["size_bytes"] == sum(file.stat().st_size for file in folder.iterdir())
    # float16 in the file, and little beside the weights: names, shapes, and the words in the record
    assert 2 * beside["parameters"] <= beside["size_bytes"] <= 2 * beside["parameters"] + 50_000


def test_info_describes_a_folder_that_train_motion_wrote(tmp_path: Path, deltaclip: Call) -> None:
    sizes = MotionSizes(width=16, layers=1, text_layers=1, heads=2, dimension=8)
    network = MotionNetwork(sizes, len(vocabulary()), MAX_WORDS)
    save_motion_encoder(tmp_path / "made", network, {"recipe": {"scenes": 4, "seed": 0}, "loss": 0.5})
    (tmp_path / "made" / "drawn").mkdir()  # what it learnt from is kept beside it
    code, facts, _ = deltaclip("info", tmp_path / "made", "--json")
    assert code == 0
    assert set(facts) == {"version", "motion_encoder"}
    assert (facts["motion_encoder"]["name"], facts["motion_encoder"]["dimension"]) == (str(tmp_path / "made"), 8)
    assert facts["motion_encoder"]["training"]["recipe"] == {"scenes": 4, "seed": 0}
    code, told, _ = deltaclip("info", tmp_path / "made")
    assert code == 0
    for name in ("fingerprint", "parameters", "size_bytes", "vocabulary_size"):
        assert f"  {name:12} {facts['motion_encoder'][name]}\n" in told
    assert "scenes=4 seed=0" in told


def test_info_tells_whether_a_checkpoint_has_weights_of_token_wise_interaction(tmp_path: Path, deltaclip: Call) -> None:
    plain = small_checkpoint(tmp_path / "small")
    code, facts, _ = deltaclip("info", plain, "--json")
    assert (code, facts["token_layers"]) == (0, None)
    loaded = load_checkpoint(plain)
    one = {"weight": np.ones((1, 16), np.float32), "bias": np.zeros(1, np.float32)}
    both = {f"{side}.0.{name}": values for side in ("text", "video") for name, values in one.items()}
    save_checkpoint(tmp_path / "with", loaded.model, loaded.tokenizer, loaded.record, TokenWeights(both))
    assert deltaclip("info", tmp_path / "with", "--json")[1]["token_layers"] == 1


def test_info_says_what_is_wrong_with_a_damaged_motion_encoder(tmp_path: Path, deltaclip: Call) -> None:
    (tmp_path / "motion.json").write_text("{}", "utf-8")
    code, _, err = deltaclip("info", tmp_path)
    assert code == 1
    assert str(tmp_path) in err
    assert "no motion encoder" in err


@pytest.mark.parametrize("motion_words", [True, False])
def test_info_of_a_library_tells_whether_it_has_a_motion_encoder(
    tmp_path: Path, deltaclip: Call, motion_words: bool
) -> None:
    encoder = Encoder.load(small_checkpoint(tmp_path / "small"))
    with Library.open(tmp_path / "library", encoder, create=True) as library:
        library.index([write_square(tmp_path / "a.mp4")], motion_words=motion_words)
    _, facts, _ = deltaclip("info", "--library", tmp_path / "library", "--json")
    assert facts["encoder"] == str(tmp_path / "small")
    assert (facts["motion_encoder"] is not None) == motion_words


def test_two_encoders_are_one_too_many(deltaclip: Call) -> None:
    code, _, err = deltaclip("info", "shapes", "--encoder", "motion")
    assert code == 2
    assert "give one encoder" in err
