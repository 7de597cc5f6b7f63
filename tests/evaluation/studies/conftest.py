"""Encoders that studies are tried with, and a small data set of real files."""

from pathlib import Path

import numpy as np
import pytest

from deltaclip.encoder import Encoder, EncoderSpec
from deltaclip.evaluation.material import Material
from deltaclip.evaluation.studies import StudySetup
from deltaclip.shapes import ShapesSpec, make_world, write_world
from tests.helpers import small_checkpoint


@pytest.fixture(scope="session")
def bundled() -> Encoder:
    """With the paper's mask, whatever the weights were trained with: what these tests hold is true of that mask."""
    return Encoder.load("shapes", EncoderSpec(motion="difference", device="cpu", precision="float32"))


@pytest.fixture(scope="session")
def idle(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    """A CLIP whose alpha weights are zero."""
    return Encoder.load(
        small_checkpoint(tmp_path_factory.mktemp("idle") / "clip", alpha="zero"), EncoderSpec(device="cpu")
    )


@pytest.fixture
def setup(bundled: Encoder, tmp_path: Path) -> StudySetup:
    """Six drawn clips and the bundled encoder."""
    return StudySetup(bundled, tmp_path, num_clips=6, seed=7)


@pytest.fixture(scope="session")
def data_set(tmp_path_factory: pytest.TempPathFactory) -> Material:
    """Six files with two captions each, one of them of a place."""
    clips = make_world(11, 6, ShapesSpec())
    paths = tuple(write_world(tmp_path_factory.mktemp("data"), clips))
    texts = tuple(text for clip in clips for text in (clip.caption, "a picture of a room"))
    return Material("folder", "val", tuple("abcdef"), paths, texts, np.repeat(np.arange(6), 2))
