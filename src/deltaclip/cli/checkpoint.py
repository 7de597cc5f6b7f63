"""`info` and `tokenize`: what an encoder is, and what its text encoder reads."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

import deltaclip
from deltaclip.cli.encoders import load_encoder, load_motion, motion_and_others, motion_of
from deltaclip.cli.options import EncoderOption, EngineOption, JsonOption, LibraryOption, PrecisionOption
from deltaclip.cli.output import emit, note, print_lines, shown

__all__ = ["info", "tokenize"]


def tokenize(
    texts: Annotated[list[str], typer.Argument(help="Texts to tokenize, each in quotes.", metavar="TEXT")],
    tokenizer: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Tokenizer: tokenizer.json, bpe_simple_vocab_16e6.txt.gz, a checkpoint folder, or a hub name.",
        ),
    ],
    as_json: JsonOption = False,
) -> None:
    """Show the token ids of texts, without begin and end tokens.

    \b
    Example:
      deltaclip tokenize "a dog jumps" --tokenizer bpe_simple_vocab_16e6.txt.gz
    """
    from deltaclip.encoder import locate
    from deltaclip.model import Tokenizer

    ids = Tokenizer.from_source(locate(tokenizer)).encode(texts)
    if as_json:
        emit({"ids": ids})
    else:
        print_lines(*(" ".join(map(str, row)) for row in ids))


def info(
    name: Annotated[str | None, typer.Argument(help="The same as --encoder.", metavar="NAME")] = None,
    encoder: EncoderOption = None,
    library: LibraryOption = None,
    precision: PrecisionOption = "auto",
    engine: EngineOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Describe an encoder: weights, engine, precision and masks.

    Also says whether masks affect it at all, and which motion encoder is used beside it. NAME may be a motion encoder:
    motion, which is bundled, or a folder that `deltaclip train motion` wrote. Whenever an encoder is loaded in a lower
    precision than float32, its results are compared with float32 on this machine; self_check shows how the comparison
    ended.

    \b
    Example:
      deltaclip info shapes
    """
    from deltaclip.encoder import BUNDLED_MOTION, EncoderSpec

    if name is not None and encoder is not None:
        raise typer.BadParameter(f"give one encoder, {name} or --encoder {encoder}.")
    chosen = encoder if name is None else name
    if chosen is not None and motion_and_others([chosen])[0]:
        _show({"version": deltaclip.__version__, "motion_encoder": load_motion(chosen).facts}, as_json)
        return
    loaded = load_encoder(chosen, library, EncoderSpec(precision=precision, engine=engine))
    # A named encoder is described without a look at the default library, which may be damaged.
    motion = motion_of(library) if chosen is None or library is not None else load_motion(BUNDLED_MOTION)
    runs = loaded.engine.facts
    facts: dict[str, Any] = {  # Any: json
        "version": deltaclip.__version__,
        "encoder": loaded.name,
        "fingerprint": loaded.fingerprint,
        **runs,
        "alpha": loaded.record.alpha,
        "masks_matter": loaded.alpha_acts,
        "motion": loaded.reader_spec.motion_word,
        "num_frames": loaded.reader_spec.num_frames,
        "image_size": loaded.reader_spec.image_size,
        "dimension": loaded.dimension,
        "known_from": dict(loaded.record.known_from) or None,
        "max_words": loaded.record.max_words,
        "tokenizer": loaded.tokenizer is not None,
        "token_layers": None if loaded.token_weights is None else loaded.token_weights.layers,
        "licence": loaded.record.licence,
        "source": [{"name": file.name, "sha256": file.sha256} for file in loaded.record.source],
        "training": None if loaded.record.training is None else dict(loaded.record.training),
        "motion_encoder": None if motion is None else motion.facts,
    }
    beside = facts["motion_encoder"]
    if beside is not None:  # how it was made is long: `deltaclip info motion` tells people
        beside = {fact: value for fact, value in beside.items() if fact != "training"}
    _show(facts if as_json else facts | _engine_in_words(runs) | {"motion_encoder": beside}, as_json)
    if not as_json and not loaded.alpha_acts:
        others = ", or convert Alpha-CLIP weights (deltaclip convert --alpha)" if runs["family"] == "clip" else ""
        note(
            "All alpha weights are zero: no mask can change a vector, so none is computed. To make masks count, train "
            f"the encoder{others}."
        )


def _show(facts: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        emit(dict(facts))
        return
    print_lines(
        *(shown(line) for name, value in facts.items() if value not in (None, []) for line in _told(name, value))
    )


def _engine_in_words(engine: Mapping[str, Any]) -> dict[str, str | None]:
    """Where the encoder runs, in which precision and why, as `info` tells people."""
    words: dict[str, str | None] = {}
    for name in ("engine", "device", "precision"):
        reason = engine.get(f"{name}_reason")
        words |= {name: engine[name] if reason is None else f"{engine[name]}: {reason}", f"{name}_reason": None}
    if "channels" in engine:
        words["channels"] = ", ".join(engine["channels"])
    if "self_check" in engine:
        words["self_check"] = _self_check_in_words(engine["self_check"])
    if processor := engine.get("processor"):
        has = ", ".join(f"{name} {'yes' if there else 'no'}" for name, there in processor["features"].items())
        words["processor"] = f"{processor['name']} ({has or 'features not known'})"
    return words


def _self_check_in_words(check: Mapping[str, Any] | None) -> str:
    if check is None:
        return "not needed"
    errors = check["relative_errors"].items()
    parts = ", ".join(f"{part} {'nan' if error is None else f'{error:.4f}'}" for part, error in errors)
    return (
        f"{'passed' if check['passed'] else 'FAILED'} in {check['milliseconds']:.0f} ms: relative error of "
        f"{check['precision']} to float32: {parts}; allowed {check['limit']}, in the worst row {check['row_limit']}"
    )


def _told(name: str, value: object, indent: str = "") -> Iterator[str]:
    """A fact as lines: one for a value, one for each part of a record, whose fields are written as --set takes them."""
    if isinstance(value, list) and any(isinstance(each, Mapping) for each in value):
        for each in value:
            yield from _told(name, each, indent)
    elif not isinstance(value, Mapping):
        yield f"{indent}{name:12} {value}" if indent == "" else f"{indent}{name:12} {_word(value)}"
    elif not any(isinstance(each, Mapping) for each in value.values()):
        yield f"{indent}{name:12} " + " ".join(f"{key}={_word(each)}" for key, each in value.items())
    else:
        yield f"{indent}{name}"
        for key, each in value.items():
            yield from _told(key, each, f"{indent}  ")


def _word(value: object) -> str:
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
