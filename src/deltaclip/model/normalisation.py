"""How pictures are normalised: mean and deviation of red, green and blue, and CLIP's own, which all models take."""

from dataclasses import dataclass
from math import isclose, isfinite

from deltaclip.channels import COLOURS

__all__ = ["CLIP_MEAN", "CLIP_NORMALISATION", "CLIP_STD", "Normalisation", "normalisation_words"]

CLIP_MEAN = (COLOURS[0].mean, COLOURS[1].mean, COLOURS[2].mean)
CLIP_STD = (COLOURS[0].std, COLOURS[1].std, COLOURS[2].std)


@dataclass(frozen=True, slots=True)
class Normalisation:
    """(value / 255 - mean) / std of red, green and blue. mean, std: of values in 0..1, std above 0."""

    mean: tuple[float, float, float] = CLIP_MEAN
    std: tuple[float, float, float] = CLIP_STD

    def __post_init__(self) -> None:
        if not len(self.mean) == len(self.std) == len(COLOURS):
            raise ValueError(f"mean {self.mean} and std {self.std} must have one number each for red, green and blue")
        if not all(isfinite(value) for value in self.mean) or not all(0 < value < float("inf") for value in self.std):
            raise ValueError(f"mean {self.mean} and std {self.std} must be finite, and std above 0")

    def is_same(self, other: "Normalisation") -> bool:
        """Whether both give the same picture, up to the digits that people write."""
        pairs = zip((*self.mean, *self.std), (*other.mean, *other.std), strict=True)
        return all(isclose(mine, theirs, abs_tol=1e-6) for mine, theirs in pairs)

    def __str__(self) -> str:
        mean, std = (",".join(f"{value:.6g}" for value in values) for values in (self.mean, self.std))
        return f"mean {mean}, deviation {std}"


CLIP_NORMALISATION = Normalisation()


def normalisation_words(said: tuple[Normalisation, str] | None) -> str:
    """How pictures are normalised and who says so, for a record. said: with the file or option; None if none does."""
    if said is None:
        return "CLIP's own, as nothing says otherwise"
    own, source = said
    if own.is_same(CLIP_NORMALISATION):
        return f"CLIP's own, by {source}"
    return f"{own}, by {source}; part of the weights, which are fed with CLIP's own"
