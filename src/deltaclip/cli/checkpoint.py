"""`convert`, `tokenize` and `info`: about checkpoints."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import deltaclip
from deltaclip.cli.encoders import EncoderOption, LibraryOption, load_encoder
from deltaclip.cli.files import OverwriteOption, refuse_to_replace
from deltaclip.cli.output import JsonOption, emit, note, print_lines, shown

if TYPE_CHECKING:  # torch is imported by the commands that need it
    from deltaclip.model.placement import Placement, Processor

__all__ = ["convert", "info", "tokenize"]


def convert(
    clip: Annotated[
        str, typer.Option(help="OpenAI CLIP (.pt), CLIP4Clip (.bin), a transformers folder or a hub name.")
    ],
    out: Annotated[Path, typer.Option(help="Folder of the new checkpoint.")],
    alpha: Annotated[Path | None, typer.Option(help="Alpha-CLIP's visual weights (.pth) for the same CLIP.")] = None,
    tokenizer: Annotated[
        str | None, typer.Option(help="tokenizer.json, a hub name, or bpe_simple_vocab_16e6.txt.gz.")
    ] = None,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make one checkpoint folder of downloaded weights.

    \b
    Examples:
      deltaclip convert --clip ViT-B-32.pt --tokenizer bpe_simple_vocab_16e6.txt.gz --out clip-b32
      deltaclip convert --clip ViT-B-16.pt --alpha clip_b16_grit20m_fultune_2xe.pth --out alpha-b16
    """
    from deltaclip.encoder import locate
    from deltaclip.model import convert as convert_weights

    refuse_to_replace(out, overwrite)
    report = convert_weights(clip=locate(clip), alpha=alpha, tokenizer=tokenizer, out=out)
    if as_json:
        emit(report.to_json())
    else:
        print_lines(*(shown(line) for line in report.lines()))


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
    from deltaclip.model.placement import this_processor

    loaded = load_encoder(encoder, library)
    placement = loaded.placement
    processor = this_processor()
    facts: dict[str, Any] = {  # Any: json
        "version": deltaclip.__version__,
        "encoder": loaded.name,
        "fingerprint": loaded.fingerprint,
        "device": str(placement.device),
        "device_reason": placement.reason,
        "precision": str(placement.dtype).removeprefix("torch."),
        "precision_reason": placement.precision_reason,
        "self_check": None if placement.self_check is None else placement.self_check.to_json(),
        "processor": {"name": processor.name, "features": dict(processor.features)},
        "alpha": loaded.record.alpha,
        "masks_matter": loaded.alpha_acts,
        "motion": loaded.reader_spec.motion,
        "num_frames": loaded.reader_spec.num_frames,
        "image_size": loaded.reader_spec.image_size,
        "dimension": loaded.dimension,
        "max_words": loaded.record.max_words,
        "tokenizer": loaded.tokenizer is not None,
        "licence": loaded.record.licence,
        "source": [{"name": file.name, "sha256": file.sha256} for file in loaded.record.source],
        "training": None if loaded.record.training is None else dict(loaded.record.training),
    }
    if as_json:
        emit(facts)
        return
    told = facts | _placement_in_words(placement, processor)
    print_lines(
        *(shown(line) for name, value in told.items() if value not in (None, []) for line in _told(name, value))
    )
    if not loaded.alpha_acts:
        note(
            "All alpha weights are zero: no mask can change a vector, so none is computed. "
            "Train, or convert Alpha-CLIP weights (deltaclip convert --alpha), to make motion count."
        )


def _placement_in_words(placement: "Placement", processor: "Processor") -> dict[str, str | None]:
    """Where the encoder runs, in which precision and why, as `info` tells people."""
    check = placement.self_check
    if check is None:
        result = "not needed: float32 is what a lower precision is compared with"
    else:
        result = f"{'passed' if check.passed else 'FAILED'} in {check.milliseconds:.0f} ms: {check}"
    return {
        "device": f"{placement.device}: {placement.reason}",
        "device_reason": None,
        "precision": f"{str(placement.dtype).removeprefix('torch.')}: {placement.precision_reason}",
        "precision_reason": None,
        "self_check": result,
        "processor": str(processor),
    }


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
