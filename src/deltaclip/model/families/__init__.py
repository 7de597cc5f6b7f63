"""The families of dual encoders that are here: one record each, without torch, and a module of the same name with it.

To add one, write its record into `FAMILIES`, and `deltaclip/model/families/<name>.py` with a `WIRING`, see `wiring`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from deltaclip.errors import CheckpointError
from deltaclip.model.normalisation import CLIP_NORMALISATION, Normalisation

__all__ = ["CLIP", "FAMILIES", "NOT_HERE", "OPEN_CLIP_FORMS", "PE_CORE", "Family", "LossWord", "family_named"]

LossWord = Literal["softmax", "sigmoid"]


@dataclass(frozen=True, slots=True)
class Family:
    """What all models of a family have in common, whatever runs them.

    name: `model_type` in their config.json. title: for people. model_class: of transformers, by name; ours
        where it has none.
    processors: image processors of transformers that do to pictures what is done here, by name; the first is written.
    fit: how a picture becomes a square, a name in `reader.FITS`. normalisation: of pictures if no file says it.
    dialects: names in `dialects.DIALECTS`, of the tokenizers that belong to it.
    whole_rows: a text's feature is taken at the last place of a row of the whole context length, padding included; if
    not, at its first end token, so that rows may be shorter. causal: whether a token attends to earlier ones only.
    text_head: the weights that make a feature of a text, by their name before `.weight`; has_text_bias: and `.bias`.
    loss: of training. most_scale: what training keeps the scale of similarities below; None for no limit.
    licence: of the weights that its authors publish.
    """

    name: str
    title: str
    model_class: str
    processors: tuple[str, ...]
    fit: str
    normalisation: Normalisation
    dialects: frozenset[str]
    whole_rows: bool
    causal: bool
    text_head: str
    has_text_bias: bool
    loss: LossWord
    most_scale: float | None
    licence: str


CLIP = Family(
    name="clip",
    title="CLIP",
    model_class="CLIPModel",
    processors=("CLIPImageProcessor", "CLIPImageProcessorFast", "CLIPImageProcessorPil", "CLIPFeatureExtractor"),
    fit="crop",
    normalisation=CLIP_NORMALISATION,
    dialects=frozenset(("clip",)),
    whole_rows=False,
    causal=True,
    text_head="text_projection",
    has_text_bias=False,
    loss="softmax",
    most_scale=100.0,  # CLIP and CLIP4Clip clamp it after each step
    licence="MIT (OpenAI, LAION, DataComp); CC BY-NC 4.0 (MetaCLIP)",
)
SIGLIP = Family(
    name="siglip",
    title="SigLIP and SigLIP 2",
    model_class="SiglipModel",
    processors=("SiglipImageProcessor", "SiglipImageProcessorFast", "SiglipImageProcessorPil"),
    fit="squash",
    normalisation=Normalisation((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    dialects=frozenset(("siglip", "siglip2")),
    whole_rows=True,
    causal=False,
    text_head="text_model.head",
    has_text_bias=True,
    loss="sigmoid",
    most_scale=None,  # published ones are above 100
    licence="Apache-2.0",
)
METACLIP_2 = replace(
    CLIP,
    name="metaclip_2",
    title="MetaCLIP 2",
    model_class="MetaClip2Model",
    dialects=frozenset(("xlm",)),
    licence="CC BY-NC 4.0",
)
PE_CORE = replace(
    CLIP,
    name="pe_core",
    title="PE-Core",
    model_class="PeCoreModel",
    processors=SIGLIP.processors,
    fit=SIGLIP.fit,
    normalisation=SIGLIP.normalisation,
    licence="Apache-2.0",
)
FAMILIES: Mapping[str, Family] = {family.name: family for family in (CLIP, SIGLIP, METACLIP_2, PE_CORE)}
"""`model_type` in config.json -> the family."""
NOT_HERE: Mapping[str, str] = {
    "siglip2": "the NaFlex variant of SigLIP 2, whose patches are cut before the model and differ in number from "
    "picture to picture; take one of a fixed size, such as google/siglip2-base-patch16-224",
    "timm_wrapper": "a model of timm, which needs torchvision",
}
"""`model_type` of models that people are likely to try -> what it is, and why it is not one of FAMILIES."""

OPEN_CLIP_FORMS: Mapping[str, str] = {
    "facebook/PE-Core-T16-384": "timm/PE-Core-T-16-384",
    "facebook/PE-Core-S16-384": "timm/PE-Core-S-16-384",
    "facebook/PE-Core-B16-224": "timm/PE-Core-B-16",
    "facebook/PE-Core-L14-336": "timm/PE-Core-L-14-336",
}
"""Hub models without a configuration -> the same weights as open_clip has them."""


def family_named(name: object, what: str) -> Family:
    """The family of a `model_type`. Raises CheckpointError, with the reason if it is a known one that is not here."""
    if isinstance(name, str) and name in FAMILIES:
        return FAMILIES[name]
    names = " or ".join(repr(family.name) for family in FAMILIES.values())
    reason = NOT_HERE.get(str(name))
    found = f"model_type is {name!r}: {reason}" if reason else f"model_type is {name!r}, not {names}"
    titles = "; or ".join(f"a {family.title} (model_type {family.name!r})" for family in FAMILIES.values())
    raise CheckpointError(what, found, f"Give {titles}, as transformers writes it.")
