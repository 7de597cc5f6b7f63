"""`evaluate actions`: the clips of a labelled set read, encoded and asked with the wordings of their classes."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import deltaclip
from deltaclip.captions import ActionClip, ActionSet
from deltaclip.errors import CaptionError, VideoError
from deltaclip.evaluation.actions import ActionFigures, ActionVectors, action_figures
from deltaclip.evaluation.cost import Cost
from deltaclip.evaluation.sentence_encoders import SentenceEncoder, cost_of_sentences
from deltaclip.pipeline import Job, Pipeline, single
from deltaclip.reader import Clip, read_video
from deltaclip.wording import count, listed

__all__ = ["ActionEvaluation", "clips_of_folds", "encode_actions", "evaluate_actions"]


@dataclass(frozen=True, slots=True)
class ActionEvaluation:
    """The figures of an encoder on a set, and how they were made.

    name: of the set. folds: those measured, () for a set without folds or for all clips of one that has some.
    encoder, fingerprint: of whom. num_frames: of a clip, sampled over the whole of it. cost: of the encoder, and of
    asking one wording.
    """

    name: str
    folds: tuple[int, ...]
    encoder: str
    fingerprint: str
    num_frames: int
    figures: ActionFigures = field(repr=False)
    cost: Cost = field(repr=False)

    def to_json(self) -> dict[str, Any]:  # Any: a json document
        """As `ActionFigures.to_json`, with "set", "folds", "encoder", "fingerprint", "num_frames", "version" and
        "cost"."""
        return {
            "set": self.name,
            "folds": list(self.folds),
            "encoder": self.encoder,
            "fingerprint": self.fingerprint,
            "num_frames": self.num_frames,
            "version": deltaclip.__version__,
            "cost": self.cost.to_json(),
            **self.figures.to_json(),
        }

    def lines(self) -> list[str]:
        """For people."""
        folds = f", folds {', '.join(map(str, self.folds))}" if self.folds else ""
        made = f"{count(self.figures.num_clips, 'clip')} of {self.name}{folds}, {self.figures.queries:,} wordings asked"
        return [
            *self.figures.lines(),
            self.cost.line(),
            f"{made}; encoder {self.encoder}, fingerprint {self.fingerprint}",
        ]


def clips_of_folds(actions: ActionSet, folds: Sequence[int]) -> list[ActionClip]:
    """The clips of these folds, in the order of the table; all if no fold is given.

    Raises CaptionError for a fold that the set does not have.
    """
    unknown = [fold for fold in folds if fold not in actions.folds]
    if unknown:
        found = f"no fold {', '.join(map(str, unknown))}"
        has = f"Choose among {', '.join(map(str, actions.folds))}." if actions.folds else "It has no folds: name none."
        raise CaptionError(str(actions.folder / "captions.csv"), found, has)
    return [clip for clip in actions.clips if not folds or clip.fold in folds]


def encode_actions(
    encoder: SentenceEncoder,
    actions: ActionSet,
    clips: Sequence[ActionClip],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> ActionVectors:
    """Vectors of these clips, each sampled over the whole of it, and of the wordings of all classes.

    progress is called with (clips done, clips in all). Raises VideoError that names the clips which cannot be read.
    """
    broken: dict[str, str] = {}

    def read() -> Iterator[Clip]:
        with Pipeline(single(read_video)) as pipeline:
            jobs = (Job(clip.path, actions.folder / clip.path, (encoder.reader_spec,)) for clip in clips)
            for done, (job, found) in enumerate(pipeline.read(jobs), 1):
                try:
                    yield from found
                except VideoError as error:
                    broken[job.key] = error.reason.rstrip(".")
                progress(done, len(clips))

    videos = encoder.encode_clips(read())
    if broken:
        found = listed([f"{name} ({reason})" for name, reason in broken.items()], "; ")
        remedy = "Fetch them again, or remove their rows."
        raise VideoError(str(actions.folder), f"{count(len(broken), 'clip')} cannot be read: {found}", remedy)
    texts = {label: encoder.encode_sentences(wordings) for label, wordings in actions.wordings.items()}
    return ActionVectors(clips, videos, actions.wordings, texts)


def evaluate_actions(
    encoder: SentenceEncoder,
    actions: ActionSet,
    folds: Sequence[int] = (),
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> ActionEvaluation:
    """The figures of an encoder on the clips of some folds, or of all. Raises as the two functions above."""
    vectors = encode_actions(encoder, actions, clips_of_folds(actions, folds), progress)
    return ActionEvaluation(
        name=actions.name,
        folds=tuple(folds),
        encoder=encoder.name,
        fingerprint=encoder.fingerprint,
        num_frames=encoder.reader_spec.num_frames,
        figures=action_figures(vectors),
        cost=cost_of_sentences(
            encoder, [text for texts in vectors.wordings.values() for text in texts], vectors.videos
        ),
    )
