"""What the code here needs of a model of any family: the interface, and the way to it from a model or configuration."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from importlib import import_module
from typing import Any, ClassVar

from torch import Tensor
from transformers import CLIPConfig, CLIPModel, MetaClip2Config, MetaClip2Model, SiglipConfig, SiglipModel

from deltaclip.model.families import FAMILIES, Family

__all__ = ["DualConfig", "DualEncoder", "Wiring", "family_of", "wiring"]

DualEncoder = CLIPModel | SiglipModel | MetaClip2Model
"""A model of any family: `vision_model` and `text_model`, each with `embeddings`, `encoder.layers` and `config`, and
`logit_scale`."""
DualConfig = CLIPConfig | SiglipConfig | MetaClip2Config


class Wiring(ABC):
    """A family on transformers: its classes, and where its model differs from others. Models and configurations are
    typed as Any in here: each is of the family's own class.
    """

    config: ClassVar[Any]
    """Class of the configuration."""
    model: ClassVar[Any]
    """Class of the model."""

    def read_config(self, values: Mapping[str, Any]) -> Any:
        """The configuration that a config.json describes. Raises what transformers raises."""
        return self.config.from_dict(dict(values))

    @abstractmethod
    def check_config(self, config: Any) -> None:
        """Raises ValueError, naming the setting, for a model that is not computed here."""

    @abstractmethod
    def dimension(self, model: Any) -> int:
        """D, the width of a model's vectors."""

    @abstractmethod
    def configured_dimension(self, config: Any) -> int:
        """The same by the configuration."""

    @abstractmethod
    def image_features(self, model: Any, pictures: Tensor, kept: Tensor | None) -> Tensor:
        """See `clip.image_features`."""

    @abstractmethod
    def image_rows(self, model: Any, pictures: Tensor) -> Tensor:
        """All that is left of each patch at the end of the image encoder: (N, patches and more, any width)."""

    @abstractmethod
    def text_rows(self, model: Any, ids: Tensor) -> Tensor:
        """All that is left of each token at the end of the text encoder: (N, L, any width)."""


def family_of(model: DualEncoder | DualConfig) -> Family:
    """The family of a model, or of a configuration."""
    config = model if isinstance(model, DualConfig) else model.config
    return FAMILIES[config.model_type]


def wiring(family: Family) -> Wiring:
    """How a family is built on transformers."""
    found: Wiring = import_module(f"deltaclip.model.families.{family.name}").WIRING
    return found
