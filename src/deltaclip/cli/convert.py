"""`convert`: downloaded weights become a checkpoint folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import typer

from deltaclip.cli.files import refuse_to_replace
from deltaclip.cli.options import JsonOption, OutOption, OverwriteOption
from deltaclip.cli.output import emit, print_lines, shown

if TYPE_CHECKING:  # torch is imported by the commands that need it
    from deltaclip.model import Normalisation, Said

Activation = Literal["quick_gelu", "gelu"]

__all__ = ["convert"]


@dataclass(frozen=True, slots=True)
class ArchitectureOptions:
    """What the weights of a CLIP do not contain."""

    PANEL: ClassVar = "Architecture (if no configuration is found)"

    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Configuration of the CLIP: open_clip_config.json, a file of open_clip's model_configs, or "
            "transformers' config.json (default: the file beside the weights).",
        ),
    ] = None
    activation: Annotated[
        Activation | None,
        typer.Option(help="Activation function of the CLIP (default: from the configuration)."),
    ] = None
    vision_heads: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Attention heads of the image encoder (default: from the configuration)."
        ),
    ] = None
    text_heads: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Attention heads of the text encoder (default: from the configuration)."),
    ] = None
    mean: Annotated[
        str | None,
        typer.Option(
            metavar="R,G,B",
            help="Mean of the pixels that the CLIP was trained on, in 0..1, as one number or three (default: as the "
            "configuration says).",
        ),
    ] = None
    std: Annotated[
        str | None,
        typer.Option(metavar="R,G,B", help="Standard deviation of these pixels, likewise; required with --mean."),
    ] = None

    def said(self) -> "Said":
        """For `model.convert`. Raises BadParameter for --mean without --std, and for what is not a number."""
        from deltaclip.model import Said

        return Said(
            self.config, self.activation, self.vision_heads, self.text_heads, _normalisation(self.mean, self.std)
        )


def convert(
    *,
    clip: Annotated[
        str,
        typer.Option(
            metavar="WEIGHTS",
            help="CLIP to convert: OpenAI's (.pt), open_clip's (.bin, .pt, .safetensors or its folder), CLIP4Clip's "
            "(.bin), PE-Core (.pt), a transformers folder, or a Hugging Face hub name.",
        ),
    ],
    out: OutOption,
    alpha: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Alpha-CLIP's image encoder (.pth) for the same CLIP (default: the alpha channel starts at zero).",
        ),
    ] = None,
    tokenizer: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Tokenizer: tokenizer.json, bpe_simple_vocab_16e6.txt.gz, or a hub name (default: the one beside the "
            "weights, if there is one).",
        ),
    ] = None,
    architecture: ArchitectureOptions,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Convert downloaded weights to a checkpoint folder.

    Weights do not contain the number of attention heads or the activation function. deltaclip knows them for the files
    of OpenAI, CLIP4Clip, Alpha-CLIP and PE-Core. For other files it reads a configuration beside the weights; if there
    is none, give the options below.

    \b
    Examples:
      deltaclip convert --clip ViT-B-32.pt --tokenizer bpe_simple_vocab_16e6.txt.gz --out clip-b32
      deltaclip convert --clip ViT-B-16.pt --alpha clip_b16_grit20m_fultune_2xe.pth --out alpha-b16
      deltaclip convert --clip open_clip_pytorch_model.bin --config ViT-H-14.json --out clip-h14
      deltaclip convert --clip tuned.pt --activation gelu --vision-heads 12 --text-heads 8 --out tuned
    """
    from deltaclip.encoder import locate
    from deltaclip.model import convert as convert_weights

    refuse_to_replace(out, overwrite)
    report = convert_weights(clip=locate(clip), alpha=alpha, tokenizer=tokenizer, out=out, said=architecture.said())
    if as_json:
        emit(report.to_json())
    else:
        print_lines(*(shown(line) for line in report.lines()))


def _normalisation(mean: str | None, std: str | None) -> "Normalisation | None":
    """The normalisation that --mean and --std describe. Raises BadParameter if only one is given."""
    from deltaclip.model import Normalisation

    if mean is None and std is None:
        return None
    if mean is None or std is None:
        raise typer.BadParameter("give both --mean and --std, or neither.")
    try:
        return Normalisation(_of_channels(mean), _of_channels(std))
    except ValueError as error:
        raise typer.BadParameter(f"{error}.", param_hint="'--mean' / '--std'") from error


def _of_channels(word: str) -> tuple[float, float, float]:
    """Values for red, green and blue; a single number is used for all three."""
    numbers = [float(part) for part in word.split(",")]
    if len(numbers) not in (1, 3):
        raise ValueError(f"{word!r} is not one number or three, such as 0.5 or 0.48,0.46,0.41")
    return numbers[0], numbers[len(numbers) // 2], numbers[-1]
