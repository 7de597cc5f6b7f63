"""What an encoder is measured on: videos, sentences, which belongs to which, and what is missing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deltaclip.captions import Split, VideoFiles
from deltaclip.errors import CaptionError, VideoError
from deltaclip.shapes import ShapesSpec, make_world, write_world
from deltaclip.wording import listed

__all__ = ["Material", "material_of_split", "shapes_material", "without_broken"]


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """Videos and sentences that an encoder is measured on.

    dataset, split: their names. videos: V names, the candidates. paths: V files. texts: Q queries.
    owner: (Q,) int64, the place of each text's video among the videos.
    missing: names of videos of the split that are not here; neither they nor their texts are among those above.
    missing_texts: how many texts went with them. seed: of drawn clips, else None.
    groups: (V,) names of what videos share so that they are not independent, as twins share their objects: intervals
    and tests draw groups whole. None if each video is its own group.
    opposites: of each text what is said of its video played backwards, None for a text without; None if the data set
    has no such sentences.
    """

    dataset: str
    split: str
    videos: tuple[str, ...] = field(repr=False)
    paths: tuple[Path, ...] = field(repr=False)
    texts: tuple[str, ...] = field(repr=False)
    owner: NDArray[np.int64] = field(repr=False)
    missing: tuple[str, ...] = ()
    missing_texts: int = 0
    seed: int | None = None
    groups: tuple[str, ...] | None = field(default=None, repr=False)
    opposites: tuple[str | None, ...] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if len(self.videos) != len(self.paths) or self.owner.shape != (len(self.texts),):
            raise ValueError("every video needs a path and every text an owner")
        if self.opposites is not None and len(self.opposites) != len(self.texts):
            raise ValueError(f"{len(self.opposites)} opposites for {len(self.texts)} texts")
        if self.groups is not None and len(self.groups) != len(self.videos):
            raise ValueError(f"{len(self.groups)} groups for {len(self.videos)} videos")
        if not self.videos or not self.texts:
            raise ValueError("nothing can be ranked without a video and a text")
        if self.owner.min() < 0 or self.owner.max() >= len(self.videos):
            raise ValueError("an owner is not the index of a video")

    @property
    def clusters(self) -> NDArray[np.int64]:
        """(V,) int64: the number of each video's group, in which it is drawn by intervals and tests."""
        if self.groups is None:
            return np.arange(len(self.videos))
        return np.unique(np.array(self.groups), return_inverse=True)[1].astype(np.int64)

    def without(self, names: Sequence[str]) -> "Material":
        """The same without these videos and their texts; both are counted as missing. At least one text must stay."""
        if not names:
            return self
        gone = set(names)
        stays = np.array([video not in gone for video in self.videos])
        texts_stay = stays[self.owner]
        place = np.cumsum(stays) - 1
        return replace(
            self,
            videos=tuple(video for video, keep in zip(self.videos, stays, strict=True) if keep),
            paths=tuple(path for path, keep in zip(self.paths, stays, strict=True) if keep),
            texts=tuple(text for text, keep in zip(self.texts, texts_stay, strict=True) if keep),
            owner=place[self.owner[texts_stay]],
            opposites=self.opposites
            and tuple(other for other, keep in zip(self.opposites, texts_stay, strict=True) if keep),
            groups=self.groups and tuple(group for group, keep in zip(self.groups, stays, strict=True) if keep),
            missing=(*self.missing, *(video for video in self.videos if video in gone)),
            missing_texts=self.missing_texts + int(np.count_nonzero(~texts_stay)),
        )


def material_of_split(
    dataset: str, split_name: str, split: Split, files: VideoFiles, *, allow_missing: bool = False
) -> Material:
    """The videos of a split that are here, and their captions.

    Raises CaptionError if the split has no captions, if files are missing and this is not allowed, or if
    none of the captions has its video.
    """
    what = f"{dataset}, split {split_name}"
    if split.captions is None:
        raise CaptionError(what, "its captions are missing", "See `deltaclip data` for the files that it looks for.")
    missing = tuple(video for video in split.videos if video not in files.found)
    if missing and not allow_missing:
        found = f"{len(missing)} of {len(split.videos)} videos are missing: {listed(missing)}"
        remedy = "Put them there, or allow_missing (--allow-missing) leaves them out; every table then says how many."
        raise CaptionError(what, found, remedy)
    videos = tuple(video for video in split.videos if video in files.found)
    captions = [caption for caption in split.captions if caption.video in files.found]
    if not captions:
        found = f"none of its {len(split.captions)} captions has its video here"
        raise CaptionError(what, found, "Give the folder that holds the videos.")
    place = {video: number for number, video in enumerate(videos)}
    return Material(
        dataset=dataset,
        split=split_name,
        videos=videos,
        paths=tuple(files.found[video] for video in videos),
        texts=tuple(caption.text for caption in captions),
        owner=np.array([place[caption.video] for caption in captions]),
        missing=missing,
        missing_texts=len(split.captions) - len(captions),
        opposites=tuple(each.opposite for each in captions) if any(each.opposite for each in captions) else None,
        groups=None if split.groups is None else tuple(_groups(split)[video] for video in videos),
    )


def _groups(split: Split) -> dict[str, str]:
    """The group of each video of a split that has groups."""
    return dict(zip(split.videos, split.groups or (), strict=True))


def shapes_material(folder: Path, spec: ShapesSpec, seed: int, num_clips: int) -> Material:
    """Clips of Moving Shapes, drawn and written as mp4 into `folder`, each with its full caption."""
    clips = make_world(seed, num_clips, spec)
    paths = write_world(folder, clips)
    return Material(
        dataset="shapes",
        split="test",
        videos=tuple(path.stem for path in paths),
        paths=tuple(paths),
        texts=tuple(clip.caption for clip in clips),
        owner=np.arange(len(clips)),
        seed=seed,
        groups=tuple(f"twins {clip.group}" for clip in clips),
    )


def without_broken(material: Material, broken: Mapping[str, str], allow_missing: bool) -> Material:
    """The material without the videos that could not be read (name -> why). Raises as `encode_material` says."""
    if not broken:
        return material
    found = f"{len(broken)} of {len(material.videos)} videos cannot be read: {_first(broken)}"
    if not allow_missing:
        remedy = "Fetch them again, or allow_missing (--allow-missing) leaves them out; every table then says how many."
        raise VideoError(material.dataset, found, remedy)
    if {material.videos[place] for place in material.owner.tolist()} <= broken.keys():
        raise CaptionError(material.dataset, found, "No text has a video left: fetch the videos again.")
    return material.without(tuple(broken))


def _first(broken: Mapping[str, str]) -> str:
    """The first names with their reasons, and how many more there are."""
    return listed([f"{name} ({reason.rstrip('.')})" for name, reason in broken.items()], "; ")
