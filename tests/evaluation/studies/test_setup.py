"""What studies stand on: the same vectors as any evaluation, and ranks with several right answers."""

from pathlib import Path

import numpy as np
import pytest

from deltaclip.encoder import Encoder
from deltaclip.errors import VideoError
from deltaclip.evaluation.encoding import encode_material
from deltaclip.evaluation.material import Material
from deltaclip.evaluation.protocol import protocol_of
from deltaclip.evaluation.studies import StudySetup
from deltaclip.evaluation.studies.mask_overlap import agreement, fed_mask, true_mask
from deltaclip.motion import MotionSpec
from deltaclip.reader import ReaderSpec, read_video


def test_vectors_are_those_of_any_evaluation_whatever_is_measured_beside(setup: StudySetup) -> None:
    world = setup.world(6)
    encoders = [setup.encoder_for(mask) for mask in ("difference", "subject", "full")]
    together = setup.encode("", world, encoders)
    for encoder, made in zip(encoders, together, strict=True):
        alone = encode_material(encoder, world.material)
        np.testing.assert_allclose(made.videos, alone.videos, atol=1e-6)
        assert (made.fallback, made.coverage.tolist()) == (alone.fallback, alone.coverage.tolist())


def test_the_own_mask_keeps_the_fingerprint_and_another_one_changes_it(setup: StudySetup) -> None:
    assert setup.encoder_for().fingerprint == setup.encoder.fingerprint
    assert setup.encoder_for("full").fingerprint != setup.encoder.fingerprint
    assert setup.encoder_for(num_frames=3).fingerprint != setup.encoder.fingerprint


def test_twins_are_one_cluster(setup: StudySetup) -> None:
    assert setup.world(6).clusters.tolist() == [0, 0, 0, 1, 1, 1]


def test_a_file_that_cannot_be_read_is_refused_or_counted(bundled: Encoder, data_set: Material, tmp_path: Path) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_text("no video")
    broken = Material("folder", "val", data_set.videos, (bad, *data_set.paths[1:]), data_set.texts, data_set.owner)
    setup = StudySetup(bundled, tmp_path, broken)
    with pytest.raises(VideoError, match="1 of 6 videos cannot be read: a"):
        setup.encode("", setup.world(6), [bundled])
    setup.allow_missing = True
    [made] = setup.encode("", setup.world(6), [bundled])
    assert (made.material.missing, len(made.videos), len(made.texts)) == (("a",), 5, 10)
    told = setup.protocol(setup.world(6))
    assert (told["videos"], told["texts"], told["missing"], told["broken"]) == (5, 10, 1, 1)


def test_a_study_tells_its_protocol_as_an_evaluation_does(setup: StudySetup) -> None:
    world = setup.world(6)
    [vectors] = setup.encode("", world, [setup.encoder])
    told, record = setup.protocol(world), protocol_of(setup.encoder, vectors).to_json()
    names = {"version", "commit", "precision", "device", "pooling", "preprocessing", "max_words", "post", "sampling"}
    assert names <= told.keys()
    shared = told.keys() & record.keys()
    assert {name: told[name] for name in shared} == {name: record[name] for name in shared}
    assert told["texts"] == record["captions"]


def test_agreement_of_masks_by_hand() -> None:
    found = np.array([[[True, True], [False, False]], [[False, False], [False, False]]])
    true = np.array([[[True, False], [True, False]], [[False, False], [False, False]]])
    assert agreement(found, true) == pytest.approx((1 / 3 + 1) / 2)


def test_the_mask_of_a_drawn_clip_lies_on_the_true_mover(setup: StudySetup) -> None:
    world = setup.world(6)
    overlaps = []
    for path, drawn in zip(world.material.paths, world.clips, strict=True):
        clip = read_video(path, ReaderSpec(48, 6, MotionSpec("subject")))
        overlaps.append(agreement(fed_mask(clip), true_mask(drawn, clip)))
    assert np.mean(overlaps) > 0.5
