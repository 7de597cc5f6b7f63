"""Which encoder a command uses: the one given by name, the one that a library remembers, or the default."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from deltaclip.checks import AnyPath
from deltaclip.cli.output import note
from deltaclip.errors import LibraryError

if TYPE_CHECKING:  # torch is imported by the commands that need it
    from deltaclip.encoder import Encoder, EncoderSpec, EngineWord, MotionEncoder, PrecisionWord
    from deltaclip.library import RememberedEncoder

__all__ = ["check_device", "encoder_to_ask", "encoder_to_index", "load_encoder", "load_motion", "load_with"]
__all__ += ["motion_and_others", "motion_of"]


def load_encoder(name: str | None, library: AnyPath | None, spec: "EncoderSpec") -> "Encoder":
    """The encoder of that name, else the one that the library remembers, else the default.

    spec: the precision and the engine count.
    """
    from deltaclip.encoder import DEFAULT_ENCODER

    if name is None and (remembered := _remembered(library)) is not None:
        return _loaded_again(remembered, spec)
    return load_with(DEFAULT_ENCODER if name is None else name, spec)


def _remembered(library: AnyPath | None) -> "RememberedEncoder | None":
    from deltaclip.library import Library

    if not Library.exists(library):
        return None
    with Library.open(library) as opened:
        return opened.remembered_encoder()


def _loaded_again(remembered: "RememberedEncoder", spec: "EncoderSpec") -> "Encoder":
    """A library's encoder with the precision and the engine of the spec. Raises BadParameter if they do not exist."""
    from deltaclip.encoder import ChoiceError

    try:
        return remembered.load(spec.precision, spec.engine)
    except ChoiceError as error:
        raise typer.BadParameter(f"{error}.", param_hint=_option_of(error)) from error


def encoder_to_index(library: AnyPath | None, name: str | None, spec: "EncoderSpec") -> "Encoder":
    """The encoder to index with: the one of that name, else the library's own, else the default.

    spec: mask, share of the patches, precision, engine and sampling count; the default sampling is the library's own.
    """
    from deltaclip.encoder import DEFAULT_ENCODER, EncoderSpec

    remembered = _remembered(library)
    keeps_sampling = remembered is not None and spec.sampling in (EncoderSpec().sampling, remembered.sampling)
    if name is None and (spec.motion, spec.keep) == (None, None) and remembered is not None and keeps_sampling:
        return _loaded_again(remembered, spec)
    chosen = name if name is not None else remembered.name if remembered else DEFAULT_ENCODER
    if "/" in chosen and not Path(chosen).expanduser().exists():
        note(f"loading {chosen} (downloaded from the Hugging Face hub the first time)")
    only_motion = spec == EncoderSpec(motion=spec.motion)
    return load_with(chosen, spec, "'--motion'" if only_motion and spec.motion is not None else None)


def load_with(name: str, spec: "EncoderSpec", param_hint: str | None = None) -> "Encoder":
    """The encoder of that name with the user's choices. Raises BadParameter if a choice does not exist."""
    from deltaclip.encoder import ChoiceError, Encoder

    try:
        return Encoder.load(name, spec)
    except ChoiceError as error:  # a mask, sampling or number of words that does not exist
        raise typer.BadParameter(f"{error}.", param_hint=param_hint or _option_of(error)) from error


def _option_of(error: ValueError) -> str:
    """The option that a ChoiceError is about: its message begins with the name."""
    name, _, _ = str(error).partition(" ")
    return f"'--{name.rstrip(':').replace('_', '-')}'"


def load_motion(name: str) -> "MotionEncoder":
    """The bundled motion encoder, or the one in a folder."""
    from deltaclip.encoder import MotionEncoder

    return MotionEncoder.load(name)


def motion_of(library: AnyPath | None) -> "MotionEncoder | None":
    """The motion encoder that a library uses, or the bundled one if there is no library; None if it wants none."""
    from deltaclip.encoder import BUNDLED_MOTION
    from deltaclip.library import Library

    if not Library.exists(library):
        return load_motion(BUNDLED_MOTION)
    with Library.open(library) as opened:
        if not opened.keeps_motion:
            return None
        return load_motion(opened.status().motion_encoder or BUNDLED_MOTION)


def motion_and_others(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Names of motion encoders, and names of all other encoders, each in the order given."""
    from deltaclip.encoder import is_motion_encoder

    kinds: tuple[list[str], list[str]] = ([], [])
    for name in names:
        kinds[not is_motion_encoder(name)].append(name)
    return kinds


def check_device(device: str) -> None:
    """Raises BadParameter if the device of --device does not exist, or not on this machine: before any work."""
    from deltaclip.encoder import choose_placement

    try:
        choose_placement(device)
    except ValueError as error:
        raise typer.BadParameter(f"{error}.", param_hint="'--device'") from error


def encoder_to_ask(
    library: AnyPath | None,
    precision: "PrecisionWord" = "auto",
    engine: "EngineWord" = "auto",
    *,
    with_file: bool = False,
) -> "Encoder":
    """The encoder that made the library's vectors, to ask with. Raises LibraryError if there is no library, and
    BadParameter for a precision or an engine that does not exist.

    with_file: whether a video or picture is the question, and not a text.
    """
    from deltaclip.encoder import EncoderSpec
    from deltaclip.library import default_library_path

    remembered = _remembered(library)
    if remembered is None:
        raise LibraryError(
            str(library or default_library_path()), "no library here yet", "Run deltaclip index FOLDER first."
        )
    if with_file and (precision, engine, remembered.precision) == ("auto", "auto", None):
        engine = "torch"  # a question is few frames: a different engine takes longer to make ready than torch needs
    return _loaded_again(remembered, EncoderSpec(precision=precision, engine=engine))
