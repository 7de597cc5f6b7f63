"""Captions: data sets of sentences and splits as people download them, and where their videos are. No models here."""

from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path

from deltaclip.captions.actions import ActionClip, ActionSet, find_action_sets, load_actions
from deltaclip.captions.activitynet import load_activitynet
from deltaclip.captions.charades import load_charades_sta
from deltaclip.captions.didemo import load_didemo, load_didemo_moments
from deltaclip.captions.folder import load_folder
from deltaclip.captions.lsmdc import load_lsmdc
from deltaclip.captions.moments import AskedMoment, MomentSet, load_moments, moments_of_split
from deltaclip.captions.msrvtt import load_msrvtt, load_msrvtt_7k, load_msrvtt_full
from deltaclip.captions.msvd import load_msvd
from deltaclip.captions.qvhighlights import load_qvhighlights
from deltaclip.captions.rtime import load_rtime
from deltaclip.captions.types import Caption, CaptionSet, Split
from deltaclip.captions.vatex import load_vatex
from deltaclip.captions.videos import VideoFiles, find_videos
from deltaclip.errors import CaptionError
from deltaclip.names import on_disk

__all__ = [
    "DATASETS",
    "ActionClip",
    "ActionSet",
    "AskedMoment",
    "Caption",
    "CaptionSet",
    "MomentSet",
    "Split",
    "VideoFiles",
    "find_action_sets",
    "find_videos",
    "load_actions",
    "load_captions",
    "load_moments",
    "moments_of_split",
]

DATASETS: dict[str, Callable[[Path], CaptionSet]] = {
    "msrvtt": load_msrvtt,
    "msrvtt-7k": load_msrvtt_7k,
    "msrvtt-full": load_msrvtt_full,
    "msvd": load_msvd,
    "didemo": load_didemo,
    "didemo-moments": load_didemo_moments,
    "activitynet": load_activitynet,
    "vatex": load_vatex,
    "lsmdc": load_lsmdc,
    "charades-sta": load_charades_sta,
    "qvhighlights": load_qvhighlights,
    "rtime": load_rtime,
    "folder": load_folder,
}


def load_captions(dataset: str, annotations: Path) -> CaptionSet:
    """The captions and splits of a data set.

    dataset: a name in DATASETS. annotations: the folder of its files, as they were downloaded; for `folder` also the
    one file.
    Raises CaptionError if the name is unknown, if there is no split, or if a file cannot be used: each loader
    says in its module what it looks for.
    """
    if dataset not in DATASETS:
        near = get_close_matches(dataset.lower(), DATASETS)
        remedy = f"Did you mean {' or '.join(near)}?" if near else f"Name one of {', '.join(DATASETS)}."
        raise CaptionError(dataset, "not a known data set", remedy)
    return DATASETS[dataset](on_disk(annotations))
