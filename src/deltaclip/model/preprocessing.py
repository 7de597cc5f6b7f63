"""How a model wants its pictures: read from what its authors wrote, and brought to CLIP's own convention.

Every model here is fed pictures whose short side was scaled to the model's (bicubic), their centre, less CLIP's mean,
over CLIP's deviation. Another mean and deviation become part of the first weights, exactly: the patch embedding is
linear and nothing comes before it. A different geometry cannot, and is refused.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import isclose, isfinite
from pathlib import Path
from typing import Any

from deltaclip.channels import COLOURS
from deltaclip.errors import CheckpointError

__all__ = [
    "CLIP_MEAN",
    "CLIP_NORMALISATION",
    "CLIP_STD",
    "PREPROCESSING_FILES",
    "PREPROCESSOR_FILE",
    "Json",
    "Normalisation",
    "normalisation_words",
    "of_open_clip",
    "of_transformers",
    "preprocessor_json",
    "read_json",
    "read_preprocessing",
]

PREPROCESSOR_FILE = "preprocessor_config.json"
PROCESSOR_FILE = "processor_config.json"
PREPROCESSING_FILES = (PROCESSOR_FILE, PREPROCESSOR_FILE)
"""In the order in which transformers looks: the newer file counts if it describes an image processor."""
CLIP_MEAN = (COLOURS[0].mean, COLOURS[1].mean, COLOURS[2].mean)
CLIP_STD = (COLOURS[0].std, COLOURS[1].std, COLOURS[2].std)
BICUBIC = 3  # of Pillow, which transformers' `resample` numbers
CLIP_PROCESSORS = {"CLIPImageProcessor", "CLIPImageProcessorFast", "CLIPImageProcessorPil", "CLIPFeatureExtractor"}
FETCH = "Download the file again from the source of the weights."
KNOWN_STEPS = {"do_resize", "do_center_crop", "do_rescale", "do_normalize", "do_convert_rgb"}

Json = Mapping[str, Any]  # Any: whatever json holds


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


def preprocessor_json(image_size: int) -> str:
    """The `preprocessor_config.json` of a checkpoint of ours, by which transformers feeds it as we do."""
    values = {
        "image_processor_type": "CLIPImageProcessor",
        "do_resize": True,
        "size": {"shortest_edge": image_size},
        "resample": BICUBIC,
        "do_center_crop": True,
        "crop_size": {"height": image_size, "width": image_size},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": CLIP_MEAN,
        "image_std": CLIP_STD,
        "do_convert_rgb": True,
    }
    return json.dumps(values, indent=2) + "\n"


def read_preprocessing(folder: Path, image_size: int) -> tuple[Normalisation, str] | None:
    """What transformers' files in a folder say, and the name of the file; None if there is none.

    Raises CheckpointError if they ask for what deltaclip does not do to pictures, by name.
    """
    for name in PREPROCESSING_FILES:
        path = folder / name
        if path.is_file():
            values = read_json(path)
            settings = values.get("image_processor") if name == PROCESSOR_FILE else values
            if settings is not None and not isinstance(settings, dict):
                raise CheckpointError(str(path), "an image_processor that is not a JSON object", FETCH)
            if settings is not None:
                return of_transformers(settings, image_size, str(path)), name
    return None


def of_transformers(values: Json, image_size: int, what: str) -> Normalisation:
    """The normalisation that transformers' CLIPImageProcessor does with these settings; its defaults for the rest.

    Raises CheckpointError for settings that change a picture in a way deltaclip does not.
    """
    kind = values.get("image_processor_type") or values.get("feature_extractor_type") or "CLIPImageProcessor"
    wrong = [f"{kind}, which is not an image processor of CLIP"] if kind not in CLIP_PROCESSORS else []
    wrong += [f"{name} false" for name in ("do_resize", "do_center_crop") if not values.get(name, True)]
    wrong += [f"{name} true" for name in values if name.startswith("do_") and name not in KNOWN_STEPS and values[name]]
    if values.get("use_square_size"):
        wrong.append("use_square_size true")
    if values.get("resample", BICUBIC) not in (BICUBIC, "bicubic"):
        wrong.append(f"resample {values['resample']}, which is not bicubic ({BICUBIC})")
    size, crop = values.get("size", 224), values.get("crop_size", 224)
    if size not in (image_size, {"shortest_edge": image_size}):
        wrong.append(f"size {size}")
    if crop not in (image_size, [image_size] * 2, {"height": image_size, "width": image_size}):
        wrong.append(f"crop_size {crop}")
    _refuse(wrong, image_size, what)
    mean, std = _three(values.get("image_mean", CLIP_MEAN), what), _three(values.get("image_std", CLIP_STD), what)
    if not values.get("do_normalize", True):
        mean, std = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    factor = values.get("rescale_factor", 1 / 255) if values.get("do_rescale", True) else 1
    if not isinstance(factor, int | float) or not 0 < factor < float("inf"):
        raise CheckpointError(
            what, f"a rescale_factor of {factor!r}", "Give the number that values are multiplied with."
        )
    # What is written is of values times the factor, ours of values over 255.
    unit = 255 * float(factor)
    return _checked(tuple(value / unit for value in mean), tuple(value / unit for value in std), what)


def of_open_clip(values: object, image_size: int, what: str) -> Normalisation:
    """The same of open_clip's `preprocess_cfg`."""
    if not isinstance(values, dict):
        raise CheckpointError(what, "a preprocess_cfg that is not a JSON object", FETCH)
    wrong = [f"{name} {value}" for name, value in values.items() if not _open_clip_does(name, value, image_size)]
    _refuse(wrong, image_size, what)
    mean, std = (values.get(name) for name in ("mean", "std"))
    return _checked(_three(mean or CLIP_MEAN, what), _three(std or CLIP_STD, what), what)


def _open_clip_does(name: str, value: object, image_size: int) -> bool:
    """Whether a setting of open_clip's PreprocessCfg is one that deltaclip keeps. "random" means bicubic there."""
    allowed: dict[str, tuple[object, ...]] = {
        "size": (image_size, [image_size] * 2, [3, image_size, image_size]),
        "mode": ("RGB",),
        "interpolation": ("bicubic", "random"),
        "resize_mode": ("shortest",),
    }
    return value is None or name in ("mean", "std", "fill_color") or value in allowed.get(name, ())


def _refuse(wrong: list[str], image_size: int, what: str) -> None:
    if wrong:
        remedy = (
            f"deltaclip scales the short side to the model's {image_size} pixels (bicubic) and takes the centre. Write "
            "that into the file only if the model was trained so; if not, it cannot be used here."
        )
        raise CheckpointError(what, f"asks for pictures with {'; '.join(wrong)}", remedy)


def _three(value: object, what: str) -> tuple[float, float, float]:
    """Numbers of red, green and blue; one number is for all three."""
    numbers = [value] * 3 if isinstance(value, int | float) else value
    if isinstance(numbers, list | tuple) and len(numbers) == 3 and all(isinstance(n, int | float) for n in numbers):
        return float(numbers[0]), float(numbers[1]), float(numbers[2])
    raise CheckpointError(what, f"a mean or deviation {value!r}", "Give three numbers: of red, green and blue.")


def _checked(mean: tuple[float, ...], std: tuple[float, ...], what: str) -> Normalisation:
    try:
        return Normalisation((mean[0], mean[1], mean[2]), (std[0], std[1], std[2]))
    except ValueError as err:
        raise CheckpointError(what, str(err), "Correct the file.") from err


def read_json(path: Path) -> dict[str, Any]:
    """The object in a json file; CheckpointError if it holds none."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as err:
        raise CheckpointError(str(path), f"cannot be read as json ({err})", FETCH) from err
    if not isinstance(values, dict):
        raise CheckpointError(str(path), "JSON, but not an object", FETCH)
    return values
