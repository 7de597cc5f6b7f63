"""What a training run is made of, in one frozen record that the checkpoint keeps."""

from dataclasses import dataclass, field, fields
from math import isfinite
from typing import Any, Literal, get_args

from deltaclip.captions import DATASETS
from deltaclip.motion import MotionSpec
from deltaclip.shapes import Camera
from deltaclip.wording import did_you_mean

__all__ = ["DataRecipe", "LoopRecipe", "ModelRecipe", "OptimRecipe", "Recipe", "WorldRecipe"]


@dataclass(frozen=True, slots=True)
class WorldRecipe:
    """The Moving Shapes that `shapes` draws for itself; other recipes do not look at it.

    seed: of the clips, apart from the run's, so that runs of several seeds share drawn clips and masks.
    groups: groups of twins drawn once, of which batches are taken. validation_groups: further ones to validate with.
    cameras: group g is filmed by camera g modulo their number. directions: share of the groups in which the mover goes
    one way and captions say which; these are neither turned nor mirrored.
    mover_epochs: epochs at the beginning, a tenth of the run at most, in which sentences tell the mover alone. The
    colours of all three things tell nearly every clip from the others of a batch, so that shapes are hardly asked for;
    those of the mover alone do not.
    """

    seed: int = 0
    groups: int = 2_000
    validation_groups: int = 33
    cameras: tuple[str, ...] = ("still",)
    directions: float = 0.0
    mover_epochs: int = 0

    def __post_init__(self) -> None:
        if self.groups < 1 or self.validation_groups < 0:
            raise ValueError("world.groups starts at 1, world.validation_groups at 0")
        if self.mover_epochs < 0:
            raise ValueError(f"world.mover_epochs is 0 or more, not {self.mover_epochs}")
        if self.seed < 0:
            raise ValueError(f"world.seed is 0 or more, not {self.seed}")
        if not self.cameras:
            raise ValueError("world.cameras names one camera at least")
        for camera in self.cameras:
            if camera not in get_args(Camera):
                raise ValueError(f"world.cameras: no camera {camera!r}, only {', '.join(get_args(Camera))}")
        if not 0 <= self.directions <= 1:
            raise ValueError(f"world.directions is a share from 0 to 1, not {self.directions}")


@dataclass(frozen=True, slots=True)
class DataRecipe:
    """How a clip becomes what a step sees.

    dataset: of `captions.DATASETS`, or "shapes" for clips that are drawn; "" where the user names captions.
    motion: the mask that goes into alpha, in the word of `motion.MotionSpec`.
    frames: T of a training clip, one at random in each of T equal spans. test_frames: of a clip in validation and in
    search, at the middles of equal spans.
    alpha_dropout: share of training clips whose alpha is all ones, so that the model also works without masks.
    crop: least share of the frame's area that a random crop keeps; 1.0 is the centre crop. flip: share of clips that
    are mirrored. turn: turn by a random multiple of 90 degrees. Frame and mask go through the same.
    word_dropout: share of caption words made unknown.
    """

    dataset: str = ""
    motion: str = "subject"
    frames: int = 6
    test_frames: int = 12
    alpha_dropout: float = 0.1
    crop: float = 1.0
    flip: float = 0.0
    turn: bool = False
    word_dropout: float = 0.0

    def __post_init__(self) -> None:
        known = ("shapes", *DATASETS)
        if self.dataset and self.dataset not in known:
            meant = did_you_mean(self.dataset, known)
            raise ValueError(f"data.dataset {self.dataset!r} is not a data set here: {meant}")
        object.__setattr__(self, "motion", str(MotionSpec.parse(self.motion)))
        if min(self.frames, self.test_frames) < 1:
            raise ValueError("data.frames and data.test_frames start at 1")
        if not 0 < self.crop <= 1:
            raise ValueError(f"data.crop must be above 0 and at most 1, not {self.crop}")
        for name in ("alpha_dropout", "flip", "word_dropout"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"data.{name} is a share from 0 to 1, not {getattr(self, name)}")


@dataclass(frozen=True, slots=True)
class ModelRecipe:
    """The model a run starts with.

    init: a checkpoint folder, a hub name or a bundled encoder; "fresh" for random weights of the sizes below.
    max_words: tokens of a caption, begin and end included. alpha: how a fresh model's alpha channel starts.
    image_size, patch_size, width, layers, heads, text_layers: of a fresh model; both towers are `width` wide.
    """

    init: str = "fresh"
    max_words: int = 32
    alpha: Literal["rgb", "zero"] = "rgb"
    image_size: int = 48
    patch_size: int = 8
    width: int = 96
    layers: int = 3
    heads: int = 3
    text_layers: int = 2

    def __post_init__(self) -> None:
        for name in ("image_size", "patch_size", "width", "layers", "heads", "text_layers"):
            if getattr(self, name) < 1:
                raise ValueError(f"model.{name} starts at 1, not {getattr(self, name)}")
        if self.image_size % self.patch_size:
            raise ValueError(f"model.image_size {self.image_size} is no multiple of model.patch_size {self.patch_size}")
        if self.width % self.heads:
            raise ValueError(f"model.width {self.width} is no multiple of model.heads {self.heads}")
        if self.max_words < 3:
            raise ValueError(f"model.max_words {self.max_words} leaves no word between begin and end: 3 or more")


@dataclass(frozen=True, slots=True)
class OptimRecipe:
    """How weights move: AdamW (betas 0.9 and 0.98, epsilon 1e-6), linear warm-up, cosine to zero.

    lr: peak rate. zero_alpha_lr: the peak of the alpha channel where it starts at zero (Alpha-CLIP takes 100 times the
    rest); None, or an alpha channel that was trained, takes `lr`. 0.0 keeps it at zero.
    weight_decay: on matrices only. warm_up: share of the steps. gradient_norm: where it is clipped.
    batch: pairs of one step over all processes, at most: an epoch is cut evenly. epochs: passes over the captions;
    steps: how many instead.
    chunk: clips of a process that pass through the encoder with a graph at once; fewer than its part of the batch
    means gradient caching. checkpointing: recompute the layers going back, for memory.
    precision: "auto" is bfloat16 products on CUDA, if they are right there, and float32 elsewhere; weights are float32
    always.
    same_video: two captions of one video in a batch: "mask" keeps them from being each other's negatives.
    ema: share that a running mean of the weights keeps at a step; it is what is validated and saved. 0.0 is none.
    """

    lr: float = 1e-6
    zero_alpha_lr: float | None = 1e-4
    weight_decay: float = 0.2
    warm_up: float = 0.1
    gradient_norm: float = 1.0
    batch: int = 128
    epochs: int = 5
    steps: int | None = None
    chunk: int = 32
    checkpointing: bool = False
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    same_video: Literal["mask", "negative"] = "mask"
    ema: float = 0.0

    def __post_init__(self) -> None:
        for each in fields(self):  # NaN passes every comparison below
            value = getattr(self, each.name)
            if isinstance(value, float) and not isfinite(value):
                raise ValueError(f"optim.{each.name} is {value}, not a number that steps can be made with")
        if min(self.batch, self.epochs, self.chunk) < 1 or (self.steps is not None and self.steps < 1):
            raise ValueError("optim.batch, optim.epochs, optim.chunk and optim.steps start at 1")
        if self.lr < 0 or (self.zero_alpha_lr or 0.0) < 0 or self.weight_decay < 0 or self.gradient_norm <= 0:
            raise ValueError("rates and weight_decay are not negative, optim.gradient_norm is above 0")
        if not 0 <= self.ema < 1 or not 0 <= self.warm_up <= 1:
            raise ValueError("optim.ema is 0 or more and below 1, optim.warm_up a share from 0 to 1")

    def steps_of_run(self, an_epoch: int) -> int:
        """How many steps a run has whose epochs have `an_epoch` of them."""
        return self.steps or self.epochs * an_epoch


@dataclass(frozen=True, slots=True)
class LoopRecipe:
    """What a run writes down, and when.

    validate_every: steps; None is once an epoch, but at least ten times a run; a state is saved each time.
    save_every: steps after which a state is saved as well. log_every: steps; None is 10, but at least a hundred rows.
    keep_states: how many states to go on from are kept. report: which weights become the checkpoint at the end, the
    "best" by validation T2V R@1 or the "last".
    """

    validate_every: int | None = None
    save_every: int | None = None
    log_every: int | None = None
    keep_states: int = 2
    report: Literal["best", "last"] = "last"

    def __post_init__(self) -> None:
        every = (self.validate_every, self.save_every, self.log_every, self.keep_states)
        if any(value is not None and value < 1 for value in every):
            raise ValueError("loop.validate_every, save_every, log_every and keep_states start at 1")


@dataclass(frozen=True, slots=True)
class Recipe:
    """A training run by its settings. What a run sees beside them is its captions, videos and start weights.

    name: key of `training.RECIPES` that it began as. seed: of fresh weights, order, frames and wordings.
    """

    name: str
    seed: int = 0
    data: DataRecipe = field(default_factory=DataRecipe)
    model: ModelRecipe = field(default_factory=ModelRecipe)
    optim: OptimRecipe = field(default_factory=OptimRecipe)
    loop: LoopRecipe = field(default_factory=LoopRecipe)
    world: WorldRecipe = field(default_factory=WorldRecipe)

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"seed is 0 or more, not {self.seed}")
        if self.data.dataset == "shapes" and self.data.frames > self.data.test_frames:
            raise ValueError(
                f"data.frames {self.data.frames}: a drawn clip has data.test_frames, {self.data.test_frames}"
            )

    def facts(self) -> dict[str, Any]:  # Any: a json document
        """The settings as json holds them, `steps` and `seed` beside the parts."""
        from dataclasses import asdict

        parts = asdict(self)
        parts["world"]["cameras"] = list(self.world.cameras)
        if self.data.dataset != "shapes":
            del parts["world"]
        return parts
