"""The functions that `import deltaclip` gives beside its classes: thin shells over the rooms, for Python programs."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from deltaclip.captions import DATASETS, find_videos, load_captions
from deltaclip.checks import AnyPath, check_choice, check_path, check_whole
from deltaclip.errors import CaptionError, CheckpointError
from deltaclip.wording import did_you_mean, listed

if TYPE_CHECKING:  # torch is imported by the functions that need it
    from deltaclip.encoder import Encoder
    from deltaclip.evaluation import (
        Evaluation,
        InteractionEvaluation,
        InteractionWord,
        RetrievalResult,
        SegmentEvaluation,
    )
    from deltaclip.model import ConversionReport
    from deltaclip.training import Outcome, TrainingProgress

__all__ = ["convert", "evaluate", "train"]

SHAPES = "shapes"
POSTS = ("none", "dsl", "qbnorm")
INTERACTIONS = ("mean", "token", "weighted-token")
SEGMENT_SECONDS = (0.5, 3600.0)
"""The shortest and the longest segment that videos may be cut into."""
ACTIVATIONS = ("quick_gelu", "gelu")
DEFAULT_DATASET = "folder"


def convert(
    clip: AnyPath,
    out: AnyPath,
    *,
    alpha: AnyPath | None = None,
    tokenizer: AnyPath | None = None,
    config: AnyPath | None = None,
    activation: Literal["quick_gelu", "gelu"] | None = None,
    vision_heads: int | None = None,
    text_heads: int | None = None,
    mean: tuple[float, float, float] | None = None,
    std: tuple[float, float, float] | None = None,
    overwrite: bool = False,
) -> "ConversionReport":
    """Converts downloaded weights to a checkpoint folder, which `Encoder.load(out)` loads.

    clip: OpenAI's CLIP (.pt), open_clip's (a file or its folder), CLIP4Clip's (.bin), PE-Core (.pt), a transformers
    folder, or a Hugging Face hub name. alpha: Alpha-CLIP's image encoder for the same CLIP; None starts the alpha
    channel at zero.
    tokenizer: tokenizer.json, bpe_simple_vocab_16e6.txt.gz or a hub name; None takes the one beside the weights.
    config: file with the configuration; None takes the one beside the weights. activation, vision_heads, text_heads,
    mean, std: what no configuration says of the model. overwrite: replaces a checkpoint in `out`.
    Raises CheckpointError if a file is not what it should be, something that has to be known is not said, or `out` is
    not empty; ValueError for mean without std, TypeError for a wrong type.
    """
    from deltaclip.encoder import locate
    from deltaclip.model import Normalisation, Said
    from deltaclip.model import convert as convert_weights

    if (mean is None) != (std is None):
        raise ValueError("give both mean and std, or neither")
    if activation is not None:
        check_choice(activation, "activation", ACTIVATIONS)
    for heads, number in (("vision_heads", vision_heads), ("text_heads", text_heads)):
        if number is not None:
            check_whole(number, heads)
    normalisation = None if mean is None or std is None else Normalisation(mean, std)
    target = _path(out, "convert(out=...)")
    if not overwrite:
        _refuse_to_replace(target)
    said = Said(_optional(config, "convert(config=...)"), activation, vision_heads, text_heads, normalisation)
    return convert_weights(
        clip=locate(str(check_path(clip, "convert"))),
        out=target,
        alpha=_optional(alpha, "convert(alpha=...)"),
        tokenizer=None if tokenizer is None else str(check_path(tokenizer, "convert(tokenizer=...)")),
        said=said,
    )


class _OnVideos(TypedDict, total=False):
    """Options of `evaluate` for an encoder."""

    captions: AnyPath | None
    videos: AnyPath | None
    dataset: str
    split: str
    post: Literal["none", "dsl", "qbnorm"]
    allow_missing: bool
    cache: AnyPath | None
    frame_cache: AnyPath | None
    on_progress: Callable[[int, int], None] | None


@overload
def evaluate(what: ArrayLike, /, owner: Sequence[int] | NDArray[Any] | None = None) -> "RetrievalResult": ...


@overload
def evaluate(what: "Encoder", /, **options: Unpack[_OnVideos]) -> "Evaluation": ...
@overload
def evaluate(what: "Encoder", /, *, segments: float, **options: Unpack[_OnVideos]) -> "SegmentEvaluation": ...
@overload
def evaluate(
    what: "Encoder", /, *, interaction: "InteractionWord", **options: Unpack[_OnVideos]
) -> "InteractionEvaluation": ...


def evaluate(
    what: Any,  # Any: an encoder or whatever numpy takes for an array
    /,
    owner: Sequence[int] | NDArray[Any] | None = None,
    *,
    captions: AnyPath | None = None,
    videos: AnyPath | None = None,
    dataset: str | None = None,
    split: str = "test",
    post: Literal["none", "dsl", "qbnorm"] = "none",
    segments: float | None = None,
    interaction: 'Literal["mean"] | InteractionWord' = "mean",
    allow_missing: bool = False,
    cache: AnyPath | None = None,
    frame_cache: AnyPath | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> "RetrievalResult | Evaluation | SegmentEvaluation | InteractionEvaluation":
    """Measures text-video retrieval, of a matrix of scores or of an encoder on captioned videos.

        evaluate(similarity, owner)                                       # RetrievalResult
        evaluate(encoder, captions="captions.csv", videos="videos")       # Evaluation
        evaluate(encoder, captions="captions.csv", videos="videos", segments=15)           # SegmentEvaluation
        evaluate(encoder, captions="captions.csv", videos="videos", interaction="token")   # InteractionEvaluation

    similarity: (Q, V) numbers, higher is better. owner: (Q,) whole numbers, the column of each text's video; None if
    text i belongs to video i.

    captions: a table of your own captions (.csv, .tsv, .jsonl with path and caption, and split if wanted), or the
    folder of a data set's caption files. videos: the folder of its videos. dataset: a name in `captions.DATASETS`, or
    "shapes", which draws its own clips; default: "folder", a table. post: how scores are post-processed. segments:
    ranks videos by the best of their segments of so many seconds, cut as `index` cuts, beside one mean a video.
    interaction: `token` compares all tokens of a text with all frames of a video (DRL's TI), `weighted-token` by the
    weights of the encoder (WTI), beside one mean a video. allow_missing: leaves out videos that are missing or cannot
    be read, and the result says so. cache: folder in which vectors are kept between calls. frame_cache: folder of
    decoded frames (`deltaclip cache --raw`); the videos in it are not decoded, and the vectors are the same to the bit.
    Segments, and frames for `interaction`, are encoded anew. on_progress: called with (videos done, videos in all), for
    `segments` and `interaction` a second time.

    Raises CaptionError for captions that cannot be used, VideoError for videos that cannot be read, CacheError for a
    frame cache that would change vectors or is damaged, CheckpointError for an encoder without the weights of
    `weighted-token`, ValueError for a matrix or an option that makes no sense, TypeError for a wrong type.
    """
    from deltaclip.encoder import Encoder
    from deltaclip.evaluation import evaluate_matrix

    if not isinstance(what, Encoder):
        if captions is not None or videos is not None or dataset is not None or isinstance(what, str | Path | type):
            raise TypeError(f"evaluate takes a loaded encoder or a matrix, not {what!r}: give Encoder.load(name)")
        given = {"split": split != "test", "post": post != "none", "allow_missing": allow_missing, "cache": cache}
        given |= {"frame_cache": frame_cache, "segments": segments is not None, "interaction": interaction != "mean"}
        if ignored := [option for option, value in given.items() if value]:
            raise TypeError(f"{listed(ignored)}: only for an encoder; a matrix is evaluated as it is")
        _check_numbers(what, owner)
        return evaluate_matrix(what, owner)
    if owner is not None:
        raise TypeError("owner belongs to a matrix; an encoder is evaluated on captions and videos")
    name = _dataset(DEFAULT_DATASET if dataset is None else dataset)
    if not isinstance(split, str):
        raise TypeError(f"split is {split!r}: give one name, such as 'test'")
    check_choice(post, "post", POSTS)
    _check_calls(on_progress)
    _check_beside_mean(segments, interaction, post)
    if name == SHAPES:
        from deltaclip.evaluation import evaluate_shapes

        if captions is not None or videos is not None:
            raise ValueError("shapes draws its clips: leave captions and videos out")
        if segments is not None or interaction != "mean":
            raise ValueError("shapes takes neither segments nor interaction: its clips are one short scene each")
        if post != "none" or split != "test" or allow_missing or cache is not None or frame_cache is not None:
            raise ValueError("shapes takes neither split, post, allow_missing, cache nor frame_cache")
        return evaluate_shapes(what, progress=on_progress or _ignore)
    if captions is None or videos is None:
        raise TypeError(f"evaluate needs captions and videos for the data set {name}")
    from deltaclip.evaluation import (
        DualSoftmax,
        VectorCache,
        by_interaction,
        by_segments,
        encode_material,
        evaluate_material,
        material_of_split,
        post_processing,
    )

    if interaction == "weighted-token":
        what.need_token_weights()  # before hours of decoding
    table, folder = _path(captions, "evaluate(captions=...)"), _path(videos, "evaluate(videos=...)")
    kept = None if cache is None else VectorCache(_path(cache, "evaluate(cache=...)"))
    frames = _optional(frame_cache, "evaluate(frame_cache=...)")
    found = load_captions(name, table)
    if split not in found.splits:
        has = f"no split {split!r}, only {', '.join(found.splits)}"
        raise CaptionError(found.source or name, has, "Choose one of them with split=.")
    files = find_videos(folder, found.splits[split].videos)
    material = material_of_split(name, split, found.splits[split], files, allow_missing=allow_missing)
    re_weighed = post_processing(post, what, found, split, kept)
    vectors = encode_material(
        what, material, cache=kept, frame_cache=frames, allow_missing=allow_missing, progress=on_progress or _ignore
    )
    whole = evaluate_material(what, vectors, re_weighed)
    dsl = DualSoftmax() if post == "dsl" else None
    if segments is not None:
        return by_segments(what, whole, float(segments), dsl, progress=on_progress or _ignore)
    if interaction != "mean":
        return by_interaction(what, whole, interaction, dsl, progress=on_progress or _ignore)
    return whole


def train(
    *,
    out: AnyPath,
    captions: AnyPath | None = None,
    videos: AnyPath | None = None,
    recipe: str = "own",
    dataset: str | None = None,
    overrides: Mapping[str, Any] | None = None,  # Any: a value of the field's type
    cache: AnyPath | None = None,
    allow_missing: bool = False,
    resume: bool = False,
    overwrite: bool = False,
    time_limit: float | None = None,
    device: str = "auto",
    workers: int | None = None,
    on_progress: "Callable[[TrainingProgress], None] | None" = None,
    on_decoded: Callable[[int, int], None] | None = None,
    on_note: Callable[[str], None] | None = None,
) -> "Outcome":
    """Trains an encoder and writes its checkpoint to the folder `out`, which `Encoder.load(out)` loads.

        train(captions="captions.csv", videos="videos", out="mine", overrides={"model.init": "alpha-b16"})

    captions: a table of your own captions (.csv, .tsv, .jsonl with path, caption and split: train or val), or the
    folder of a data set's caption files. videos: the folder of its videos. recipe: a name in `training.RECIPES`.
    dataset: a name in `captions.DATASETS`; default: the recipe's, or "folder", a table, if it has none.
    overrides: fields of the recipe and their values, such as {"optim.steps": 200, "data.motion": "full"}.
    cache: folder of decoded frames; default: inside `out`. allow_missing: leaves out videos that are missing or cannot
    be read. resume: continues the run in `out` if there is one; overwrite: replaces it. time_limit: seconds after which
    the run stops with a state that resume continues. device: as for `Encoder`. workers: processes that load clips.
    on_progress: called after every step. on_decoded: called with (videos decoded, videos to decode). on_note: called
    with sentences that people should read.

    Raises ValueError for a recipe, field or value that does not exist, TrainingError, CaptionError, CacheError or
    CheckpointError if the run cannot begin or continue, TypeError for a wrong type.
    """
    from deltaclip.training import RUN_FOLDER, chosen_recipe, draw_shapes, prepare_clips, start_side, write_report
    from deltaclip.training import train as run_training

    if resume and overwrite:
        raise ValueError("resume and overwrite are mutually exclusive: continue the run, or start it again")
    _check_run(time_limit, workers, device, on_progress, on_decoded, on_note)
    target, kept = _path(out, "train(out=...)"), _optional(cache, "train(cache=...)")
    table, films = _optional(captions, "train(captions=...)"), _optional(videos, "train(videos=...)")
    chosen = chosen_recipe(recipe, overrides or {}, _dataset(dataset) if dataset else None)
    if not (resume or overwrite):
        _refuse_to_replace(target, besides=RUN_FOLDER)
    if chosen.data.dataset == SHAPES:
        if captions is not None or videos is not None:
            raise ValueError(f"the recipe {recipe} draws its clips: leave captions and videos out, or choose dataset=")
        data = draw_shapes(chosen, lambda share: None, cache=kept)
    else:
        if table is None:
            raise TypeError(f"train needs captions for the recipe {recipe}")
        if videos is None and cache is None:
            raise TypeError("give videos, or a cache that has their frames")
        start_side(chosen)  # before hours of decoding: whether the start weights are there
        data = prepare_clips(
            load_captions(chosen.data.dataset, table),
            films,
            target / RUN_FOLDER / "cache" if kept is None else kept,
            chosen,
            allow_missing=allow_missing,
            progress=lambda now: (on_decoded or _ignore)(now.done, now.total),
            note=on_note or _ignore,
        )
    outcome = run_training(
        chosen,
        data,
        target,
        on_progress or _ignore,
        validated=lambda so_far: _ignore(write_report(chosen, data, so_far)),
        resume=resume,
        overwrite=overwrite,
        time_limit=time_limit,
        device=device,
        workers=workers,
        note=on_note or _ignore,
    )
    write_report(chosen, data, outcome)
    return outcome


def _check_run(time_limit: Any, workers: Any, device: Any, *callbacks: Any) -> None:  # Any: whatever somebody passed
    """What a run would refuse only after hours of decoding. Raises TypeError, ValueError."""
    if workers is not None:
        check_whole(workers, "workers", 0)
    if not isinstance(device, str):
        raise TypeError(f"device is {device!r}: give its name, such as 'cpu'")
    if time_limit is not None:
        if isinstance(time_limit, bool) or not isinstance(time_limit, int | float):
            raise TypeError(f"time_limit is {time_limit!r}: give seconds as a number")
        if not time_limit >= 0:
            raise ValueError(f"time_limit is {time_limit!r}: give 0 seconds or more")
    _check_calls(*callbacks)


def _check_beside_mean(segments: Any, interaction: Any, post: str) -> None:  # Any: whatever somebody passed
    """What is compared with one mean a video. Raises TypeError, ValueError."""
    check_choice(interaction, "interaction", INTERACTIONS)
    if segments is not None:
        if isinstance(segments, bool) or not isinstance(segments, int | float):
            raise TypeError(f"segments is {segments!r}: give seconds as a number")
        shortest, longest = SEGMENT_SECONDS
        if not shortest <= segments <= longest:
            raise ValueError(f"segments is {segments!r}: give {shortest:g} to {longest:g} seconds")
        if interaction != "mean":
            raise ValueError("give segments or interaction, not both")
    if post == "qbnorm" and (segments is not None or interaction != "mean"):
        raise ValueError("post='qbnorm' goes with one mean a video alone: leave segments and interaction out")


def _check_calls(*callbacks: Any) -> None:  # Any: whatever somebody passed
    for callback in callbacks:
        if callback is not None and not callable(callback):
            raise TypeError(f"{callback!r} cannot be called: give a function, or None")


def _check_numbers(similarity: Any, owner: Any) -> None:  # Any: whatever somebody passed
    """Raises TypeError for what is no array of numbers, or of whole numbers; what they say is not looked at."""
    for name, given, kinds, words in (("similarity", similarity, "fiub", ""), ("owner", owner, "iu", "whole ")):
        with suppress(ValueError):  # rows of different lengths
            if given is not None or name == "similarity":
                array = np.asarray(given)
                if array.size and array.dtype.kind not in kinds:
                    raise TypeError(f"{name} is an array of {words}numbers, not {array.dtype}: {given!r}")


def _path(path: AnyPath, what: str) -> Path:
    return Path(check_path(path, what)).expanduser()


def _optional(path: AnyPath | None, what: str) -> Path | None:
    return None if path is None else _path(path, what)


def _dataset(name: str) -> str:
    """The name of a data set. Raises ValueError for one that does not exist."""
    known = (SHAPES, *DATASETS)
    if not isinstance(name, str):
        raise TypeError(f"dataset is {name!r}: give one name, such as {DEFAULT_DATASET!r}")
    if name not in known:
        raise ValueError(f"dataset {name!r}: {did_you_mean(str(name).lower(), known)}")
    return name


def _refuse_to_replace(out: Path, besides: str | None = None) -> None:
    """Raises CheckpointError if `out` is a file, or a folder that holds anything but a folder named `besides`."""
    if out.exists() and not out.is_dir():
        raise CheckpointError(str(out), "a file", "Give a folder.")
    if out.is_dir() and any(entry.name != besides for entry in out.iterdir()):
        begun = besides is not None and (out / besides).is_dir()
        first = "Continue the run there with resume=True, give" if begun else "Give"
        raise CheckpointError(str(out), "the folder is not empty", f"{first} a new folder, or overwrite=True.")


def _ignore(*told: object) -> None:
    """What is done with progress and notes that nobody wants."""
