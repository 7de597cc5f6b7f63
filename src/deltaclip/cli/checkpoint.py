"""`convert`, `tokenize` and `info`: about checkpoints."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

import deltaclip
from deltaclip.cli.encoders import EncoderOption, LibraryOption, load_encoder
from deltaclip.cli.files import OverwriteOption, refuse_to_replace
from deltaclip.cli.output import JsonOption, emit, note, print_lines, shown

if TYPE_CHECKING:  # torch is imported by the commands that need it
    from deltaclip.model import Normalisation

Activation = Literal["quick_gelu", "gelu"]

__all__ = ["convert", "info", "tokenize"]


def convert(
    clip: Annotated[
        str,
        typer.Option(
            help="OpenAI CLIP (.pt), open_clip's (.bin, .pt, .safetensors, or its folder), CLIP4Clip (.bin), a "
            "transformers folder or a hub name."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder of the new checkpoint.")],
    alpha: Annotated[Path | None, typer.Option(help="Alpha-CLIP's visual weights (.pth) for the same CLIP.")] = None,
    tokenizer: Annotated[
        str | None, typer.Option(help="tokenizer.json, a hub name, or bpe_simple_vocab_16e6.txt.gz.")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            help="The CLIP's configuration: open_clip_config.json, a json of open_clip's model_configs, or "
            "transformers' config.json; default: those beside the weights."
        ),
    ] = None,
    activation: Annotated[
        Activation | None,
        typer.Option(help="Activation of the CLIP. Weights do not tell it; needed if no configuration says it."),
    ] = None,
    vision_heads: Annotated[
        int | None, typer.Option(min=1, help="Attention heads of the image encoder, if no configuration says them.")
    ] = None,
    text_heads: Annotated[
        int | None, typer.Option(min=1, help="Attention heads of the text encoder, if no configuration says them.")
    ] = None,
    mean: Annotated[
        str | None,
        typer.Option(help="Mean of the CLIP's pictures in 0..1, as one number or R,G,B; default: as its files say."),
    ] = None,
    std: Annotated[str | None, typer.Option(help="Standard deviation, likewise; goes with --mean.")] = None,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make one checkpoint folder of downloaded weights.

    Weights do not tell their attention heads and their activation. These are known of OpenAI's own files, of CLIP4Clip
    and Alpha-CLIP; for all others they are read from a configuration beside the file, or asked for.

    \b
    Examples:
      deltaclip convert --clip ViT-B-32.pt --tokenizer bpe_simple_vocab_16e6.txt.gz --out clip-b32
      deltaclip convert --clip ViT-B-16.pt --alpha clip_b16_grit20m_fultune_2xe.pth --out alpha-b16
      deltaclip convert --clip open_clip_pytorch_model.bin --config ViT-H-14.json --out clip-h14
      deltaclip convert --clip tuned.pt --activation quick_gelu --vision-heads 12 --text-heads 8 --out tuned
    """
    from deltaclip.encoder import locate
    from deltaclip.model import Said
    from deltaclip.model import convert as convert_weights

    refuse_to_replace(out, overwrite)
    said = Said(config, activation, vision_heads, text_heads, _normalisation(mean, std))
    report = convert_weights(clip=locate(clip), alpha=alpha, tokenizer=tokenizer, out=out, said=said)
    if as_json:
        emit(report.to_json())
    else:
        print_lines(*(shown(line) for line in report.lines()))


def _normalisation(mean: str | None, std: str | None) -> "Normalisation | None":
    """That of --mean and --std, which go together."""
    from deltaclip.model import Normalisation

    if mean is None and std is None:
        return None
    if mean is None or std is None:
        raise typer.BadParameter("--mean and --std go together: give both.")
    try:
        return Normalisation(_of_channels(mean), _of_channels(std))
    except ValueError as error:
        raise typer.BadParameter(f"{error}.", param_hint="'--mean' / '--std'") from error


def _of_channels(word: str) -> tuple[float, float, float]:
    """Numbers of red, green and blue; one stands for all three."""
    numbers = [float(part) for part in word.split(",")]
    if len(numbers) not in (1, 3):
        raise ValueError(f"{word!r} is neither one number nor three, as in 0.5 or 0.48,0.46,0.41")
    return numbers[0], numbers[len(numbers) // 2], numbers[-1]


def tokenize(
    texts: Annotated[list[str], typer.Argument(help="Texts, each in quotes.", metavar="TEXT")],
    tokenizer: Annotated[
        str, typer.Option(help="tokenizer.json, a hub name, a folder, or bpe_simple_vocab_16e6.txt.gz.")
    ],
    as_json: JsonOption = False,
) -> None:
    """Show the token ids of texts, without begin and end.

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
    encoder: EncoderOption = None,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell what an encoder is, where and in which precision it runs and why, and whether masks matter to it.

    A precision below float32 is compared with float32 on this machine at every load: self_check is the result.

    Without --encoder: the one that the library remembers, else the default one.

    \b
    Example:
      deltaclip info --encoder shapes
    """
    loaded = load_encoder(encoder, library)
    engine = loaded.engine.facts
    facts: dict[str, Any] = {  # Any: json
        "version": deltaclip.__version__,
        "encoder": loaded.name,
        "fingerprint": loaded.fingerprint,
        **engine,
        "alpha": loaded.record.alpha,
        "masks_matter": loaded.alpha_acts,
        "motion": loaded.reader_spec.motion_word,
        "num_frames": loaded.reader_spec.num_frames,
        "image_size": loaded.reader_spec.image_size,
        "dimension": loaded.dimension,
        "known_from": dict(loaded.record.known_from) or None,
        "max_words": loaded.record.max_words,
        "tokenizer": loaded.tokenizer is not None,
        "licence": loaded.record.licence,
        "source": [{"name": file.name, "sha256": file.sha256} for file in loaded.record.source],
        "training": None if loaded.record.training is None else dict(loaded.record.training),
    }
    if as_json:
        emit(facts)
        return
    told = facts | _engine_in_words(engine)
    print_lines(
        *(shown(line) for name, value in told.items() if value not in (None, []) for line in _told(name, value))
    )
    if not loaded.alpha_acts:
        note(
            "All alpha weights are zero: no mask can change a vector, so none is computed. "
            "Train, or convert Alpha-CLIP weights (deltaclip convert --alpha), to make motion count."
        )


def _engine_in_words(engine: Mapping[str, Any]) -> dict[str, str | None]:
    """Where the encoder runs, in which precision and why, as `info` tells people."""
    words: dict[str, str | None] = {}
    for name in ("device", "precision"):
        reason = engine.get(f"{name}_reason")
        words |= {name: engine[name] if reason is None else f"{engine[name]}: {reason}", f"{name}_reason": None}
    if "self_check" in engine:
        words["self_check"] = _self_check_in_words(engine["self_check"])
    if processor := engine.get("processor"):
        has = ", ".join(f"{name} {'yes' if there else 'no'}" for name, there in processor["features"].items())
        words["processor"] = f"{processor['name']} ({has or 'features not known'})"
    return words


def _self_check_in_words(check: Mapping[str, Any] | None) -> str:
    if check is None:
        return "not needed: float32 is what a lower precision is compared with"
    errors = check["relative_errors"].items()
    parts = ", ".join(f"{part} {'nan' if error is None else f'{error:.4f}'}" for part, error in errors)
    return (
        f"{'passed' if check['passed'] else 'FAILED'} in {check['milliseconds']:.0f} ms: relative error of "
        f"{check['precision']} to float32: {parts}; allowed {check['limit']}, in the worst row {check['row_limit']}"
    )


def _told(name: str, value: object, indent: str = "") -> Iterator[str]:
    """A fact for people: one line, of a record one line a part, its fields written as --set takes them."""
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
