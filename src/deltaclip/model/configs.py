"""Configurations that others write beside weights: what open_clip's and transformers' say, and what is refused."""

from collections.abc import Mapping
from pathlib import Path

from huggingface_hub.errors import StrictDataclassError

from deltaclip.errors import CheckpointError
from deltaclip.model.architecture import ACTIVATIONS, Claim
from deltaclip.model.families import CLIP, Family, family_named
from deltaclip.model.families.wiring import DualConfig, family_of, wiring
from deltaclip.model.files import CONFIG_FILE, OPEN_CLIP_FILE
from deltaclip.model.normalisation import Normalisation
from deltaclip.model.preprocessing import Json, of_open_clip, read_json, read_preprocessing
from deltaclip.model.spec import text_config, vision_config

__all__ = ["OpenClip", "Transformers", "configurations", "parse_config", "transformers_claim"]

# What open_clip's settings may say of a CLIP with OpenAI's blocks, if they say anything (its CLIPVisionCfg and
# CLIPTextCfg); a setting that is in none of these tables is refused by name, for it may change what is computed.
SETTINGS = {"embed_dim", "vision_cfg", "text_cfg", "quick_gelu", "custom_text"}  # the last is but a prefix of names
VISION_SETTINGS = {"layers", "width", "head_width", "mlp_ratio", "patch_size", "image_size", "norm_kwargs"}
TEXT_SETTINGS = {"context_length", "vocab_size", "width", "heads", "layers", "mlp_ratio", "norm_kwargs"}
ONLY_TRAINING = {"init_logit_scale", "patch_dropout", "output_tokens", "output_dict", "cast_dtype", "timm_drop"}
WITHOUT_EFFECT = {  # unless another setting, which is refused, switches them on
    "attn_pooler_queries",
    "attn_pooler_heads",
    "timm_model_pretrained",
    "timm_pool",
    "timm_proj",
    "timm_proj_bias",
    "timm_drop_path",
    "hf_model_pretrained",
    "hf_proj_type",
    "hf_pooler_type",
    "pad_id",
    "eos_id",
}
VISION_FIXED = {"pos_embed_type": "learnable", "pool_type": "tok", "block_type": "default"}
TEXT_FIXED = {"pool_type": "argmax", "proj_type": "linear", "block_type": "default"}
KEPT_NORM = {"eps"}
# Whole numbers in both halves of transformers' configuration, and the least that each can be.
COUNTS = {
    "hidden_size": 1,
    "intermediate_size": 1,
    "num_hidden_layers": 1,
    "num_attention_heads": 1,
    "image_size": 1,
    "patch_size": 1,
    "vocab_size": 1,
    "max_position_embeddings": 2,  # begin and end
}


class OpenClip:
    """The configuration of an open_clip model: its `open_clip_config.json`, or one of its `model_configs`."""

    def __init__(self, path: Path, values: Json) -> None:
        self.path = path
        self.model: Json = values.get("model_cfg", values)
        self.preprocessing: object = values.get("preprocess_cfg")

    @classmethod
    def fits(cls, values: Json) -> bool:
        """Whether a json file is one."""
        model = values.get("model_cfg", values)
        towers = ("vision_cfg", "text_cfg")
        return isinstance(model, Mapping) and all(isinstance(model.get(tower), Mapping) for tower in towers)

    def claim(self) -> Claim:
        """What it says. Raises CheckpointError with the settings that deltaclip's model has not."""
        model, vision, text = self.model, dict(self.model["vision_cfg"]), dict(self.model["text_cfg"])
        unlike = [
            *_unlike("", model, SETTINGS, {}),
            *_unlike("vision_cfg.", vision, VISION_SETTINGS, VISION_FIXED),
            *_unlike("text_cfg.", text, TEXT_SETTINGS, TEXT_FIXED),
        ]
        if unlike:
            remedy = "Only CLIPs with OpenAI's kind of transformer in both towers can be converted so far."
            raise CheckpointError(str(self.path), f"a model that deltaclip does not have: {', '.join(unlike)}", remedy)
        try:
            return self._claim(vision, text)
        except (KeyError, TypeError, ValueError, ZeroDivisionError) as err:
            remedy = "Download the file again from the source of the weights."
            raise CheckpointError(str(self.path), f"not a complete open_clip configuration ({err!r})", remedy) from err

    def _claim(self, vision: Json, text: Json) -> Claim:
        # Defaults are those of open_clip's CLIPVisionCfg and CLIPTextCfg.
        width, head_width, text_width = vision.get("width", 768), vision.get("head_width", 64), text.get("width", 512)
        if width % head_width:
            raise ValueError(f"vision_cfg.width {width} is not a multiple of head_width {head_width}")
        activation = "quick_gelu" if self.model.get("quick_gelu") else "gelu"
        image_size = vision.get("image_size", 224)
        return Claim(
            self.path.name,
            vision_heads=width // head_width,
            text_heads=text.get("heads", 8),
            vision_activation=activation,
            text_activation=activation,
            vision_eps=(vision.get("norm_kwargs") or {}).get("eps"),
            text_eps=(text.get("norm_kwargs") or {}).get("eps"),
            sizes={
                "image_size": image_size[0] if isinstance(image_size, list) else image_size,
                "patch_size": vision.get("patch_size", 16),
                "vision_width": width,
                "vision_layers": vision.get("layers", 12),
                "vision_mlp_width": int(width * vision.get("mlp_ratio", 4)),
                "text_width": text_width,
                "text_layers": text.get("layers", 12),
                "text_mlp_width": int(text_width * text.get("mlp_ratio", 4)),
                "projection_dim": self.model["embed_dim"],
                "vocab_size": text.get("vocab_size", 49408),
                "context_length": text.get("context_length", 77),
            },
        )

    def normalisation(self, image_size: int) -> tuple[Normalisation, str] | None:
        """What its `preprocess_cfg` says, open_clip's defaults for the rest, and the file's name; None without."""
        if self.preprocessing is None:
            return None
        return of_open_clip(self.preprocessing, image_size, str(self.path)), self.path.name


def _unlike(where: str, settings: Json, known: set[str], fixed: Mapping[str, str]) -> list[str]:
    """The settings, with values, of a model that deltaclip does not have. fixed: the only value that some may have."""
    return [
        f"{where}{name} {value}"
        for name, value in settings.items()
        if not _is_ours(name, value, known) and fixed.get(name) != value
    ]


def _is_ours(name: str, value: object, known: set[str]) -> bool:
    if name == "norm_kwargs":
        return not value or (isinstance(value, Mapping) and value.keys() <= KEPT_NORM)
    if name == "layers":  # several numbers are a ResNet's
        return isinstance(value, int)
    if name == "image_size" and isinstance(value, list):
        return len(set(value)) == 1
    # A setting that is off, none or zero adds nothing, whatever it is.
    return name in known | ONLY_TRAINING | WITHOUT_EFFECT or not value


class Transformers:
    """The config.json of a transformers model, and the preprocessing in the same folder."""

    def __init__(self, path: Path, values: Json) -> None:
        self.path, self.config = path, parse_config(path, values)

    @classmethod
    def fits(cls, values: Json) -> bool:
        """Whether a json file is one of a CLIP."""
        return values.get("model_type") == CLIP.name

    def claim(self) -> Claim:
        """What it says."""
        return transformers_claim(self.config, self.path.name)

    def normalisation(self, image_size: int) -> tuple[Normalisation, str] | None:
        """What the preprocessing beside it says, and the file's name; None without any."""
        return read_preprocessing(self.path.parent, image_size, family_of(self.config))


def transformers_claim(config: DualConfig, source: str) -> Claim:
    """What the configuration of a transformers model says."""
    vision, text = vision_config(config), text_config(config)
    return Claim(
        source,
        vision_heads=vision.num_attention_heads,
        text_heads=text.num_attention_heads,
        vision_activation=vision.hidden_act,
        text_activation=text.hidden_act,
        vision_eps=vision.layer_norm_eps,
        text_eps=text.layer_norm_eps,
        sizes={
            "image_size": vision.image_size,
            "patch_size": vision.patch_size,
            "vision_width": vision.hidden_size,
            "vision_layers": vision.num_hidden_layers,
            "vision_mlp_width": vision.intermediate_size,
            "text_width": text.hidden_size,
            "text_layers": text.num_hidden_layers,
            "text_mlp_width": text.intermediate_size,
            "projection_dim": wiring(family_of(config)).configured_dimension(config),
            "vocab_size": text.vocab_size,
            "context_length": text.max_position_embeddings,
        },
    )


def parse_config(path: Path, values: Json) -> DualConfig:
    """The configuration of a model from a config.json of transformers; CheckpointError if it is none of FAMILIES."""
    family = family_named(values.get("model_type"), str(path))
    try:
        for half in ("vision_config", "text_config"):
            _check_counts(half, values.get(half))  # before transformers divides by them
        config: DualConfig = wiring(family).read_config(values)
        _check_values(config)
        wiring(family).check_config(config)
        return config
    except (ValueError, TypeError, AttributeError, StrictDataclassError) as err:
        remedy = f"Give the configuration of a {family.title} as transformers writes it."
        found = " ".join(str(err).split())  # transformers breaks its lines
        raise CheckpointError(str(path), f"not the configuration of a {family.title} ({found})", remedy) from err


def _check_counts(name: str, half: object) -> None:
    """ValueError, naming the setting, for a count in half of a configuration that no model can have."""
    for setting, least in COUNTS.items():
        value = half.get(setting, least) if isinstance(half, Mapping) else least
        if not isinstance(value, int) or value < least:
            raise ValueError(f"{name}.{setting} is {value!r}, not a whole number from {least} on")


def _check_values(config: DualConfig) -> None:
    """ValueError, naming the setting, for a value that no model can have; whether it fits weights is not asked."""
    for name, half in (("vision_config", vision_config(config)), ("text_config", text_config(config))):
        _check_counts(name, half.to_dict())
        if half.hidden_size % half.num_attention_heads:
            found = f"{name}.num_attention_heads is {half.num_attention_heads}"
            raise ValueError(f"{found}, which does not divide its hidden_size {half.hidden_size}")
        if half.hidden_act not in ACTIVATIONS:
            raise ValueError(f"{name}.hidden_act is {half.hidden_act!r}, not one of {', '.join(ACTIVATIONS)}")
        if not half.layer_norm_eps > 0:
            raise ValueError(f"{name}.layer_norm_eps is {half.layer_norm_eps!r}, not above zero")
    vision = vision_config(config)
    if vision.patch_size > vision.image_size:
        raise ValueError(f"vision_config.patch_size is {vision.patch_size}, above its image_size {vision.image_size}")


def configurations(weights: Path, named: Path | None, family: Family = CLIP) -> list[OpenClip | Transformers]:
    """What describes a file of weights: the configuration that the user named, else all that are beside it.

    Beside: open_clip_config.json, a json file of the weights' own name, and config.json, each if it is of a CLIP.
    family: of the weights. Raises CheckpointError if the named one is neither open_clip's nor transformers' of that
    family.
    """
    if named is not None:
        values = read_json(named)
        if OpenClip.fits(values):
            return [OpenClip(named, values)]
        found = Transformers(named, values)  # which says what is wrong with any other
        if (other := family_of(found.config)) is not family:
            remedy = "Name the configuration of these weights."
            raise CheckpointError(str(named), f"of a {other.title}, but the weights are of a {family.title}", remedy)
        return [found]
    names = dict.fromkeys((OPEN_CLIP_FILE, f"{weights.stem}.json", CONFIG_FILE))
    there = [(path, read_json(path)) for name in names if (path := weights.parent / name).is_file()]
    kinds = [(kind, path, values) for path, values in there for kind in (OpenClip, Transformers) if kind.fits(values)]
    return [kind(path, values) for kind, path, values in kinds]
