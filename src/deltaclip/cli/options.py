"""Options that several commands have, each written once: its name, its help and its default."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import typer

if TYPE_CHECKING:  # torch is imported when the command runs
    from deltaclip.encoder import EncoderSpec

__all__ = [
    "AllEncoderOptions",
    "AllowMissingOption",
    "AnnotationsOption",
    "DatasetOptions",
    "DeviceOption",
    "EncoderOption",
    "EngineOption",
    "ExcludeOption",
    "GalleryOptions",
    "JsonOption",
    "KeepOption",
    "LibraryOption",
    "OutOption",
    "OverwriteOption",
    "PrecisionOption",
    "PruneOption",
    "Sampling",
    "SetOption",
    "SomeEncoderOptions",
    "StallLimitOption",
    "VideosOption",
    "WorkersOption",
]

Sampling = Literal["uniform", "clip4clip-head", "clip4clip-tail", "clip4clip-uniform", "keyframes"]


def _set_stall_limit(seconds: float | None) -> None:
    """Through the environment, which the processes that decode inherit."""
    from deltaclip.processes import STALL_LIMIT_VARIABLE

    if seconds is not None:
        os.environ[STALL_LIMIT_VARIABLE] = str(seconds)


JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout instead of text for people.")]
StallLimitOption = Annotated[
    float | None,
    typer.Option(
        "--stall-limit",
        min=0.1,
        max=86_400,
        envvar="DELTACLIP_STALL_LIMIT",
        callback=_set_stall_limit,
        expose_value=False,
        metavar="SECONDS",
        help="Give up on a file if its decoder makes no progress for this long (default: 20 s, plus 1 s for every 20 "
        "MB of the file).",
    ),
]
"""For every command that decodes. The command itself does not see it."""

WorkersOption = Annotated[
    str, typer.Option(metavar="auto|N", help="Number of videos decoded at once; auto is one per core, at most 8.")
]
ExcludeOption = Annotated[
    list[str] | None,
    typer.Option(
        help="Skip files and folders that match this pattern (default: skip none). May be repeated. A pattern "
        "without a slash matches names, such as '*.gif'; with a slash, paths below a given folder, such as "
        "'2019/raw', or full paths, such as ~/Videos/drafts; with a slash at the end, folders only. Case is ignored.",
        metavar="GLOB",
    ),
]
PruneOption = Annotated[
    bool,
    typer.Option(
        "--prune",
        help="Remove videos below the given paths from the library if their files are gone (default: keep them as "
        "missing, so that they need not be read again when they come back). Nothing is removed below a given path "
        "that is gone itself, or that is an empty folder, as for a disk that is not mounted.",
    ),
]
LibraryOption = Annotated[
    str | None,  # an address, of which a Path would change the slashes
    typer.Option(
        metavar="DIR",
        help="Folder or address of the library (default: DELTACLIP_LIBRARY if it is set, else a folder in your user "
        "data directory).",
    ),
]
EncoderOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Encoder: shapes, which is bundled, a checkpoint folder, or a Hugging Face hub name (default: the encoder "
        "of the library, or openai/clip-vit-base-patch32 if there is no library yet).",
    ),
]
OutOption = Annotated[Path, typer.Option(metavar="DIR", help="Folder to write the new checkpoint to.")]
OverwriteOption = Annotated[
    bool, typer.Option("--overwrite", help="Replace a checkpoint that already exists in --out (default: refuse).")
]
AnnotationsOption = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Folder of the data set's caption and split files, as downloaded.")
]
VideosOption = Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of the data set's videos.")]
SplitOption = Annotated[str, typer.Option(metavar="NAME", help="Split of the data set: train, val or test.")]
AllowMissingOption = Annotated[
    bool,
    typer.Option(
        "--allow-missing",
        help="Leave out videos that are missing or cannot be read, and report how many (default: stop with an error).",
    ),
]
PrecisionOption = Annotated[
    Literal["auto", "fp32", "bf16", "int8", "float32", "bfloat16"],
    typer.Option(
        metavar="PRECISION",
        help="Precision of matrix products: auto, fp32, bf16 or int8. auto is bf16 if the device supports it and it "
        "passes a check against fp32, else fp32. int8 runs in OpenVINO, after `deltaclip calibrate`.",
    ),
]
"""With torch's own names as well, which results have."""
EngineOption = Annotated[
    Literal["auto", "torch", "openvino"],
    typer.Option(
        metavar="ENGINE",
        help="What runs the image encoder: auto, torch or openvino. auto is openvino on a CPU if it is installed (pip "
        "install 'deltaclip[cpu]') and gives what torch gives, else torch.",
    ),
]
KeepOption = Annotated[
    float | None,
    typer.Option(
        min=0.0,
        max=1.0,
        metavar="SHARE",
        help="Share of the patches of each frame to encode, those that move most and an even spread of the others "
        "(default: all). Less is faster, and loses least with an encoder that was trained so.",
    ),
]
DeviceOption = Annotated[
    str,
    typer.Option(metavar="DEVICE", help="Device to train on: auto (a GPU if there is one), cpu, cuda, cuda:1 or mps."),
]


def _refuse_same_field(settings: list[str] | None) -> list[str] | None:
    """Raises BadParameter if two settings are of one field: only the last would count."""
    fields = [setting.partition("=")[0] for setting in settings or ()]
    if twice := next((field for field in fields if fields.count(field) > 1), None):
        raise typer.BadParameter(f"{twice} is set twice; give it one value.")
    return settings


SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="Change a field of the recipe, such as optim.lr=1e-5. May be repeated, once for each field.",
        callback=_refuse_same_field,
    ),
]


@dataclass(frozen=True, slots=True)
class SomeEncoderOptions:
    """What the encoder is fed, if it is not to be what its checkpoint remembers, and how it runs."""

    PANEL: ClassVar = "Encoder"

    motion: Annotated[
        str | None,
        typer.Option(metavar="MASK", help="Motion mask to feed to the encoder (default: the checkpoint's own)."),
    ] = None
    num_frames: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Number of frames sampled from a clip (default: the checkpoint's own)."),
    ] = None
    precision: PrecisionOption = "auto"
    engine: EngineOption = "auto"
    keep: KeepOption = None

    def spec(self) -> "EncoderSpec":
        """The choices as `Encoder.load` takes them."""
        from deltaclip.encoder import EncoderSpec

        return EncoderSpec(
            motion=self.motion,
            num_frames=self.num_frames,
            precision=self.precision,
            engine=self.engine,
            keep=self.keep,
        )


@dataclass(frozen=True, slots=True)
class AllEncoderOptions(SomeEncoderOptions):
    """All that can be chosen about an encoder."""

    sampling: Annotated[
        Sampling,
        typer.Option(
            help="How frames are sampled: uniform takes the middle of each of N equal spans, keyframes the key frames "
            "nearest to these; the others take one frame per second as CLIP4Clip does, and keep the first N, the last "
            "N, or N spread evenly."
        ),
    ] = "uniform"
    max_words: Annotated[
        int | None,
        typer.Option(
            min=2,
            metavar="N",
            help="Maximum caption length in tokens, begin and end included (default: the checkpoint's own). Longer "
            "captions are truncated, and counted in the report.",
        ),
    ] = None

    def spec(self) -> "EncoderSpec":
        from deltaclip.encoder import EncoderSpec

        return EncoderSpec(
            motion=self.motion,
            num_frames=self.num_frames,
            precision=self.precision,
            sampling=self.sampling,
            max_words=self.max_words,
            engine=self.engine,
            keep=self.keep,
        )


@dataclass(frozen=True, slots=True)
class DatasetOptions:
    """Which captions and videos of a data set."""

    PANEL: ClassVar = "Data set"

    annotations: AnnotationsOption = None
    videos: VideosOption = None
    split: SplitOption = "test"
    allow_missing: AllowMissingOption = False
    workers: WorkersOption = "auto"


@dataclass(frozen=True, slots=True)
class GalleryOptions:
    """A data set, or drawn clips if none is given."""

    PANEL: ClassVar = DatasetOptions.PANEL

    dataset: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Data set to measure on: shapes (drawn clips), or one that `deltaclip data` reads.",
        ),
    ] = "shapes"
    annotations: AnnotationsOption = None
    videos: VideosOption = None
    split: SplitOption = "test"
    allow_missing: AllowMissingOption = False
