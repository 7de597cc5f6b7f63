"""Classes and clips: figures by hand, and the merge of classes that differ in the order of their frames alone."""

import numpy as np
import pytest

from deltaclip.training.studies.actions_run import class_figures, merged_classes

SIMILARITY = np.array(
    [
        [0.9, 0.4, 0.3, 0.2],  # left: clips 0 and 1 are its own
        [0.8, 0.5, 0.6, 0.1],  # right: clip 2
        [0.1, 0.2, 0.4, 0.7],  # x: clip 3
    ],
    np.float32,
)
TRUTH = np.array([0, 0, 1, 2])


def test_reverse_movements_are_one_class_after_merging() -> None:
    labels = ["swipe_left", "swipe_right", "swipe_up", "swipe_down", "draw_x"]
    assert merged_classes(labels).tolist() == [0, 0, 1, 1, 2]
    assert merged_classes(["sign_red", "sign_blue"]).tolist() == [0, 1]


def test_figures_by_hand() -> None:
    found = class_figures(SIMILARITY, TRUTH, np.arange(3))
    # left: clips 0, 1 stand first and second. right: clip 2 stands second, behind clip 0. x: first.
    assert found["T2V mAP"] == pytest.approx(100 * (1 + 1 / 2 + 1) / 3)
    assert found["T2V R@1"] == pytest.approx(200 / 3)
    assert found["V2T R@1"] == pytest.approx(75)  # clip 1 is nearer to right


def test_figures_after_merging_by_hand() -> None:
    found = class_figures(SIMILARITY, TRUTH, merged_classes(["swipe_left", "swipe_right", "draw_x"]))
    # Sideways scores 0.9, 0.5, 0.6, 0.2: its three clips stand first.
    assert found == {"T2V mAP": 100.0, "T2V R@1": 100.0, "V2T R@1": 100.0}


def test_an_encoder_that_sees_all_alike_finds_nothing() -> None:
    found = class_figures(np.ones((3, 4), np.float32), TRUTH, np.arange(3))
    assert (found["T2V R@1"], found["V2T R@1"]) == (0.0, 0.0)
    assert found["T2V mAP"] == pytest.approx(100 * ((1 / 3 + 2 / 4) / 2 + 1 / 4 + 1 / 4) / 3)


def test_a_class_without_a_clip_here_does_not_ask() -> None:
    found = class_figures(SIMILARITY[:, :2], TRUTH[:2], np.arange(3))
    assert (found["T2V mAP"], found["T2V R@1"], found["V2T R@1"]) == (100.0, 100.0, 50.0)
