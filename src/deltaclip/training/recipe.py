"""The settings of a training run, in one frozen record that the checkpoint keeps."""

from dataclasses import asdict, dataclass, field, fields
from math import isfinite
from typing import Any, Literal, get_args

from deltaclip.captions import DATASETS
from deltaclip.checks import check_share
from deltaclip.motion import MotionSpec
from deltaclip.shapes import Camera, Twins
from deltaclip.wording import did_you_mean

__all__ = [
    "FRESH",
    "DataRecipe",
    "LoopRecipe",
    "ModelRecipe",
    "OptimRecipe",
    "Recipe",
    "TrainingPrecision",
    "WorldRecipe",
]

FRESH = "fresh"
"""Instead of a start's name: random weights."""
TrainingPrecision = Literal["auto", "float32", "tf32", "bfloat16", "float16"]


@dataclass(frozen=True, slots=True)
class WorldRecipe:
    """The Moving Shapes that the recipe `shapes` draws; other recipes ignore it.

    seed: of the clips. It is separate from the run's, so that runs with several seeds share drawn clips and masks.
    groups: groups of twins to train on, drawn once. validation_groups: further groups to validate with.
    cameras: group g is filmed by camera g modulo their number. directions: share of the groups in which the mover goes
    in one direction that captions name; these are neither rotated nor flipped.
    mover_epochs: epochs at the beginning, at most a tenth of the run, in which captions describe the mover only. The
    colours of all three objects distinguish nearly every clip from the others of a batch, so the model would hardly
    need shapes; the colour of the mover alone does not.
    twins: what the clips of a group differ in, as in `shapes.ShapesSpec`. Captions of `direction` always name one, so
    that its clips are neither rotated nor flipped; twins other than `mover` need directions=0.
    """

    seed: int = 0
    groups: int = 2_000
    validation_groups: int = 33
    cameras: tuple[str, ...] = ("still",)
    directions: float = 0.0
    mover_epochs: int = 0
    twins: Twins = "mover"

    def __post_init__(self) -> None:
        if self.groups < 1 or self.validation_groups < 0:
            raise ValueError("world.groups must be 1 or more, world.validation_groups 0 or more")
        if self.mover_epochs < 0:
            raise ValueError(f"world.mover_epochs must be 0 or more, not {self.mover_epochs}")
        if self.seed < 0:
            raise ValueError(f"world.seed must be 0 or more, not {self.seed}")
        if not self.cameras:
            raise ValueError("world.cameras must name at least one camera")
        for camera in self.cameras:
            if camera not in get_args(Camera):
                raise ValueError(f"world.cameras: {camera!r} is not one of {', '.join(get_args(Camera))}")
        if not 0 <= self.directions <= 1:
            raise ValueError(f"world.directions must be a share from 0 to 1, not {self.directions}")
        if self.twins != "mover" and self.directions:
            raise ValueError(f"world.directions is for world.twins=mover: set it to 0 for {self.twins}")

    def facts(self) -> dict[str, Any]:  # Any: a json document
        """The settings as a json document. Twins are told unless they are of the first kind, as in older documents."""
        parts = asdict(self) | {"cameras": list(self.cameras)}
        if self.twins == "mover":
            del parts["twins"]
        return parts


@dataclass(frozen=True, slots=True)
class DataRecipe:
    """How clips and captions are sampled and augmented.

    dataset: a key of `captions.DATASETS`, or "shapes" for drawn clips; "" if the user names captions.
    motion: the mask that goes into alpha, written as in `motion.MotionSpec`.
    frames: T of a training clip. sampling: where in each of T equal spans, "jittered" at random, anew in each epoch, or
    "uniform" in the middle, the same each time, as the paper trains. test_frames: frames of a clip in validation and in
    search, at the middles of equal spans.
    alpha_dropout: share of training clips whose alpha is all ones, so that the model also works without masks.
    crop: smallest share of the area that a random crop keeps; 1.0 is the centre crop. flip: share of clips that are
    flipped horizontally. turn: rotate by a random multiple of 90 degrees. All apply to frame and mask alike.
    word_dropout: share of caption words replaced by an unknown word.
    least_keep: each step keeps a random share of the patches of its frames, between this and all of them, so that the
    encoder also works with `EncoderSpec.keep`. 1.0: always all.
    """

    dataset: str = ""
    motion: str = "subject"
    frames: int = 6
    sampling: Literal["jittered", "uniform"] = "jittered"
    test_frames: int = 12
    alpha_dropout: float = 0.1
    crop: float = 1.0
    flip: float = 0.0
    turn: bool = False
    word_dropout: float = 0.0
    least_keep: float = 1.0

    def __post_init__(self) -> None:
        known = ("shapes", *DATASETS)
        if self.dataset and self.dataset not in known:
            meant = did_you_mean(self.dataset, known)
            raise ValueError(f"data.dataset {self.dataset!r} is not a data set here: {meant}")
        object.__setattr__(self, "motion", str(MotionSpec.parse(self.motion)))
        if min(self.frames, self.test_frames) < 1:
            raise ValueError("data.frames and data.test_frames must be 1 or more")
        if not 0 < self.crop <= 1:
            raise ValueError(f"data.crop must be above 0 and at most 1, not {self.crop}")
        check_share(self.least_keep, "data.least_keep")
        for name in ("alpha_dropout", "flip", "word_dropout"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"data.{name} must be a share from 0 to 1, not {getattr(self, name)}")


@dataclass(frozen=True, slots=True)
class ModelRecipe:
    """The model a run starts with.

    init: a checkpoint folder, a hub name or a bundled encoder; "fresh" for random weights with the sizes below.
    max_words: maximum caption length in tokens, begin and end included. alpha: how a fresh alpha channel starts.
    image_size, patch_size, width, layers, heads, text_layers: of a fresh model; both towers are `width` wide.
    temporal_layers: of a transformer over the frames' vectors, whose order then counts; 0 for none. A model without one
    gets one that changes nothing until it is trained, with `data.test_frames` positions and width / 64 attention heads.
    """

    init: str = FRESH
    max_words: int = 32
    alpha: Literal["rgb", "zero"] = "rgb"
    image_size: int = 48
    patch_size: int = 8
    width: int = 96
    layers: int = 3
    heads: int = 3
    text_layers: int = 2
    temporal_layers: int = 0

    def __post_init__(self) -> None:
        for name in ("image_size", "patch_size", "width", "layers", "heads", "text_layers"):
            if getattr(self, name) < 1:
                raise ValueError(f"model.{name} must be 1 or more, not {getattr(self, name)}")
        if self.image_size % self.patch_size:
            raise ValueError(
                f"model.image_size {self.image_size} is not a multiple of model.patch_size {self.patch_size}"
            )
        if self.temporal_layers < 0:
            raise ValueError(f"model.temporal_layers must be 0 or more, not {self.temporal_layers}")
        if self.width % self.heads:
            raise ValueError(f"model.width {self.width} is not a multiple of model.heads {self.heads}")
        if self.max_words < 3:
            raise ValueError(f"model.max_words must be 3 or more (begin, a word, end), not {self.max_words}")


@dataclass(frozen=True, slots=True)
class OptimRecipe:
    """The optimiser: AdamW (betas 0.9 and 0.98, epsilon 1e-6), linear warm-up, cosine decay to zero.

    lr: peak learning rate. zero_alpha_lr: the peak for an alpha channel that starts at zero (Alpha-CLIP uses 100 times
    the rate of the rest); None, or an alpha channel that is already trained, uses `lr`. 0.0 keeps it at zero.
    head_lr: the peak for a temporal head (CLIP4Clip uses 1e-4, 1000 times the rate of the rest); None uses `lr`.
    lora_lr: the peak for the matrices of LoRA; None uses `lr`. lora_rank: their rank. Both are for `tune=lora`.
    weight_decay: of matrices only. warm_up: share of the steps. gradient_norm: the norm to clip to.
    batch: maximum number of pairs in a step over all processes; an epoch is divided evenly. epochs: passes over the
    captions. steps: number of steps, instead of epochs.
    chunk: clips that pass through the encoder of a process at once. gradient_cache: if a process's part of the batch
    has more of them, "auto" holds the graphs of all chunks if they fit in memory, and caches gradients if not, which
    takes about a third longer; "always" and "never" do what they say. checkpointing: recompute layers in the backward
    pass to save memory.
    precision: of products, weights are always float32. "auto" is bfloat16 on CUDA, float16 with scaled gradients where
    that is emulated (V100, T4), each if it is correct there, else float32; "tf32" is for GPUs that have it.
    same_video: "mask" keeps two captions of one video in a batch from being each other's negatives.
    ema: decay of the running mean of the weights, which is then validated and saved. 0.0: no running mean.
    """

    lr: float = 1e-6
    zero_alpha_lr: float | None = 1e-4
    head_lr: float | None = 1e-4
    lora_lr: float | None = 1e-4
    lora_rank: int = 8
    weight_decay: float = 0.2
    warm_up: float = 0.1
    gradient_norm: float = 1.0
    batch: int = 128
    epochs: int = 5
    steps: int | None = None
    chunk: int = 32
    gradient_cache: Literal["auto", "always", "never"] = "auto"
    checkpointing: bool = False
    precision: TrainingPrecision = "auto"
    same_video: Literal["mask", "negative"] = "mask"
    ema: float = 0.0

    def __post_init__(self) -> None:
        for each in fields(self):  # NaN passes every comparison below
            value = getattr(self, each.name)
            if isinstance(value, float) and not isfinite(value):
                raise ValueError(f"optim.{each.name} must be finite, not {value}")
        whole = (self.batch, self.epochs, self.chunk, self.lora_rank, 1 if self.steps is None else self.steps)
        if min(whole) < 1:
            raise ValueError("optim.batch, epochs, steps, chunk and lora_rank must be 1 or more")
        if (
            self.lr < 0
            or min(self.zero_alpha_lr or 0.0, self.head_lr or 0.0, self.lora_lr or 0.0) < 0
            or self.weight_decay < 0
            or self.gradient_norm <= 0
        ):
            raise ValueError("learning rates and optim.weight_decay must be 0 or more, optim.gradient_norm above 0")
        if not 0 <= self.ema < 1 or not 0 <= self.warm_up <= 1:
            raise ValueError("optim.ema must be at least 0 and below 1, optim.warm_up a share from 0 to 1")

    def steps_of_run(self, an_epoch: int) -> int:
        """Number of steps of a run with `an_epoch` steps per epoch."""
        return self.steps or self.epochs * an_epoch


@dataclass(frozen=True, slots=True)
class LoopRecipe:
    """What a run validates, saves and logs, and when.

    validate_every: in steps; None is once per epoch, but at least ten times a run. A state is saved each time.
    save_every: steps after which a state is saved as well. log_every: in steps; None is 10, or fewer for at least a
    hundred rows. keep_states: number of states to keep for resuming. report: the weights that become the checkpoint at
    the end, the "best" by validation T2V R@1 or the "last".
    """

    validate_every: int | None = None
    save_every: int | None = None
    log_every: int | None = None
    keep_states: int = 2
    report: Literal["best", "last"] = "last"

    def __post_init__(self) -> None:
        every = (self.validate_every, self.save_every, self.log_every, self.keep_states)
        if any(value is not None and value < 1 for value in every):
            raise ValueError("loop.validate_every, save_every, log_every and keep_states must be 1 or more")


@dataclass(frozen=True, slots=True)
class Recipe:
    """All settings of a training run. A run also depends on its captions, videos and start weights.

    name: the key of `training.RECIPES` that it is based on. seed: random seed of the run.
    tune: what is trained: "full" all weights, "lora" the motion channels and matrices of low rank in both encoders,
    "channels" the motion channels alone; with each also a temporal head.
    compile: whether layers are compiled with `torch.compile`, which needs a C++ compiler and takes its time at first.
    """

    name: str
    seed: int = 0
    tune: Literal["full", "lora", "channels"] = "full"
    compile: bool = False
    data: DataRecipe = field(default_factory=DataRecipe)
    model: ModelRecipe = field(default_factory=ModelRecipe)
    optim: OptimRecipe = field(default_factory=OptimRecipe)
    loop: LoopRecipe = field(default_factory=LoopRecipe)
    world: WorldRecipe = field(default_factory=WorldRecipe)

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"seed must be 0 or more, not {self.seed}")
        if self.tune != "full" and self.model.init == FRESH:
            raise ValueError(f"tune={self.tune} keeps the weights it starts with: give model.init, not {FRESH}")
        if self.tune == "channels" and self.optim.zero_alpha_lr == 0:
            raise ValueError("tune=channels trains nothing if optim.zero_alpha_lr is 0")
        if self.data.dataset == "shapes" and self.data.frames > self.data.test_frames:
            raise ValueError(
                f"data.frames {self.data.frames}: a drawn clip has only data.test_frames, {self.data.test_frames}"
            )
        if self.model.temporal_layers and self.data.frames != self.data.test_frames:
            raise ValueError(
                f"model.temporal_layers needs data.frames {self.data.frames} and data.test_frames "
                f"{self.data.test_frames} to be equal: positions that were never trained would be noise in the test"
            )

    def facts(self) -> dict[str, Any]:  # Any: a json document
        """The settings as a json document; those of a temporal head or of pruning only with it, as in older ones.

        Uniform sampling is told, jittered is not, which all older documents mean: their runs can still be resumed.
        So are tuning, a gradient cache and compiling if they are not the default.
        """
        parts = asdict(self)
        del parts["world"]
        if not self.compile:
            del parts["compile"]
        if self.tune == "full":
            del parts["tune"]
        if self.tune != "lora":
            del parts["optim"]["lora_lr"], parts["optim"]["lora_rank"]
        if self.optim.gradient_cache == "auto":
            del parts["optim"]["gradient_cache"]
        if self.data.sampling == "jittered":
            del parts["data"]["sampling"]
        if self.data.least_keep == 1:
            del parts["data"]["least_keep"]
        if not self.model.temporal_layers:
            del parts["model"]["temporal_layers"], parts["optim"]["head_lr"]
        return {**parts, "world": self.world.facts()} if self.data.dataset == "shapes" else parts
