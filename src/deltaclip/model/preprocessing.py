"""How a model wants its pictures: read from what its authors wrote, and brought to CLIP's own convention.

Every model here is fed pictures less CLIP's mean, over CLIP's deviation. Another mean and deviation become part of the
first weights, exactly: the patch embedding is linear and nothing comes before it. A different geometry than that of its
family (the centre of a picture, or the whole of it) cannot, and is refused.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deltaclip.errors import CheckpointError
from deltaclip.model.families import CLIP, Family
from deltaclip.model.normalisation import CLIP_MEAN, CLIP_STD, Normalisation

__all__ = [
    "PREPROCESSING_FILES",
    "PREPROCESSOR_FILE",
    "Json",
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
BILINEAR, BICUBIC = 2, 3  # of Pillow, which transformers' `resample` numbers
FETCH = "Download the file again from the source of the weights."
KNOWN_STEPS = {"do_resize", "do_center_crop", "do_rescale", "do_normalize", "do_convert_rgb"}

Json = Mapping[str, Any]  # Any: whatever json holds


def preprocessor_json(image_size: int, family: Family) -> str:
    """The `preprocessor_config.json` of a checkpoint of ours, by which transformers feeds it as we do."""
    square = {"height": image_size, "width": image_size}
    crop = {"size": {"shortest_edge": image_size}, "resample": BICUBIC, "do_center_crop": True, "crop_size": square}
    geometry = {"crop": crop, "squash": {"size": square, "resample": BILINEAR}}[family.fit]
    values = {
        "image_processor_type": family.processors[0],
        "do_resize": True,
        **geometry,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": CLIP_MEAN,
        "image_std": CLIP_STD,
        "do_convert_rgb": True,
    }
    return json.dumps(values, indent=2) + "\n"


def read_preprocessing(folder: Path, image_size: int, family: Family) -> tuple[Normalisation, str] | None:
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
                return of_transformers(settings, image_size, str(path), family), name
    return None


def of_transformers(values: Json, image_size: int, what: str, family: Family) -> Normalisation:
    """The normalisation that the image processor of a family does with these settings; its defaults for the rest.

    Raises CheckpointError for settings that change a picture in a way deltaclip does not.
    """
    kind = values.get("image_processor_type") or values.get("feature_extractor_type") or family.processors[0]
    wrong = [f"{kind}, which is not an image processor of {family.title}"] if kind not in family.processors else []
    wrong += [f"{name} true" for name in values if name.startswith("do_") and name not in KNOWN_STEPS and values[name]]
    if not values.get("do_resize", True):
        wrong.append("do_resize false")
    wrong += {"crop": _not_cropped, "squash": _not_squashed}[family.fit](values, image_size)
    _refuse(wrong, image_size, what, family.fit)
    default = family.normalisation
    mean, std = _three(values.get("image_mean", default.mean), what), _three(values.get("image_std", default.std), what)
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


def _not_cropped(values: Json, image_size: int) -> list[str]:
    """Settings that do not scale the short side and take the centre."""
    wrong = [] if values.get("do_center_crop", True) else ["do_center_crop false"]
    if values.get("use_square_size"):
        wrong.append("use_square_size true")
    if values.get("resample", BICUBIC) not in (BICUBIC, "bicubic"):
        wrong.append(f"resample {values['resample']}, which is not bicubic ({BICUBIC})")
    size, crop = values.get("size", 224), values.get("crop_size", 224)
    if size not in (image_size, {"shortest_edge": image_size}):
        wrong.append(f"size {size}")
    if crop not in (image_size, [image_size] * 2, {"height": image_size, "width": image_size}):
        wrong.append(f"crop_size {crop}")
    return wrong


def _not_squashed(values: Json, image_size: int) -> list[str]:
    """Settings that do not scale the whole picture to a square, whatever its shape."""
    wrong = ["do_center_crop true"] if values.get("do_center_crop") else []
    if values.get("resample", BICUBIC) not in (BILINEAR, BICUBIC, "bilinear", "bicubic"):
        wrong.append(f"resample {values['resample']}, which is neither bilinear ({BILINEAR}) nor bicubic ({BICUBIC})")
    if (size := values.get("size", 224)) not in (image_size, {"height": image_size, "width": image_size}):
        wrong.append(f"size {size}")
    return wrong


def of_open_clip(values: object, image_size: int, what: str) -> Normalisation:
    """The same of open_clip's `preprocess_cfg`."""
    if not isinstance(values, dict):
        raise CheckpointError(what, "a preprocess_cfg that is not a JSON object", FETCH)
    wrong = [f"{name} {value}" for name, value in values.items() if not _open_clip_does(name, value, image_size)]
    _refuse(wrong, image_size, what, CLIP.fit)
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


def _refuse(wrong: list[str], image_size: int, what: str, fit: str) -> None:
    if wrong:
        does = {
            "crop": f"scales the short side to the model's {image_size} pixels (bicubic) and takes the centre",
            "squash": f"scales the whole picture to the model's {image_size} x {image_size} pixels",
        }[fit]
        remedy = (
            f"deltaclip {does}. Write that into the file only if the model was trained so; if not, it cannot be used "
            "here."
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
