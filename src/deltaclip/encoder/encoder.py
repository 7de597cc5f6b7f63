"""The encoder: which frames and tokens a model is given, in batches, and by what name the result is known."""

import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from itertools import islice, pairwise
from pathlib import Path
from typing import Unpack

import numpy as np
from numpy.typing import NDArray

from deltaclip.channels import channels_of, extras_of, filled
from deltaclip.checks import check_path, check_paths, check_share, check_texts, check_whole
from deltaclip.encoder.background import LITTLE_WORDS, drawn_sentences, general_sentences, kept_vectors
from deltaclip.encoder.deferred_engine import FEW_TEXTS
from deltaclip.encoder.engine import Engine, EngineCosts, Inputs, SlowEngine, TokenEngine
from deltaclip.encoder.loading import load_engine
from deltaclip.encoder.locating import full_name, locate
from deltaclip.encoder.spec import ChoiceError, EncoderOptions, EncoderSpec, ReadingOptions, refuse_unknown_options
from deltaclip.errors import CheckpointError, EngineError
from deltaclip.model import CheckpointRecord, Tokenizer, TokenWeights
from deltaclip.motion import MotionSpec
from deltaclip.provenance import VECTOR_VERSION, digest
from deltaclip.reader import Clip, ReaderSpec

__all__ = ["DEFAULT_MOTION", "Encoder"]

DEFAULT_MOTION = "subject"
"""For checkpoints that were not trained with another mask: right under a moving camera, where the paper's is not."""
CLIPS_PER_BATCH = 8
TEXTS_PER_BATCH = 256
NO_CHOICE = EncoderSpec()
READING = tuple(ReadingOptions.__annotations__)


class Encoder:
    """A dual encoder of videos and texts: an engine that runs the model, with its reader settings and its tokenizer.

    encoder = Encoder.load("shapes")
    videos = encoder.encode_videos(["a.mp4", "b.mp4"])   # float32 (2, D), unit rows
    texts = encoder.encode_texts(["the red circle moves"])
    similarity = texts @ videos.T
    """

    def __init__(
        self,
        name: str,
        engine: SlowEngine | Engine,
        tokenizer: Tokenizer | None = None,
        record: CheckpointRecord | None = None,
        token_weights: TokenWeights | None = None,
        **options: Unpack[ReadingOptions],
    ) -> None:
        """An encoder over any engine; `load` makes one from a checkpoint.

        record: what the checkpoint says about itself. token_weights: its weights of token-wise interaction. options: as
        in `EncoderSpec`; without one, the record decides.
        Raises ChoiceError, a ValueError, for an option's value that does not exist, CheckpointError if the record asks
        for a mask that does not exist, and TypeError for an option that does not exist or a value of a wrong type.
        """
        refuse_unknown_options(options, "Encoder", READING)
        self.name = name
        self.engine = engine
        self.tokenizer = tokenizer
        self.token_weights = token_weights
        """How much tokens and frames count in `evaluate --interaction weighted-token`; None without weights."""
        longest = engine.inputs.context_length
        self.record = record = CheckpointRecord(max_words=longest) if record is None else record
        self._options = options
        remembered = _remembered(name, record, engine.inputs)
        try:
            self.keep = _share_kept(options)
            """Share of the patches that enter the image encoder's layers, see `EncoderSpec`."""
            self.reader_spec = _reader_spec(remembered, options, engine.inputs)
            self.max_words = _whole("max_words", options.get("max_words"), record.max_words)
            """Most token ids of a text, begin and end included."""
            if not 2 <= self.max_words <= longest:
                raise ValueError(f"max_words is {self.max_words}: from 2 to the model's {longest}")
        except ValueError as error:
            raise ChoiceError(str(error)) from error

    @classmethod
    def load(
        cls, name: str | os.PathLike[str], spec: EncoderSpec = NO_CHOICE, **options: Unpack[EncoderOptions]
    ) -> "Encoder":
        """The bundled `shapes`, a checkpoint folder, or a hub name such as openai/clip-vit-base-patch32.

        spec: what to choose; or its fields as options: `Encoder.load("shapes", motion="difference", device="cpu")`.
        Raises CheckpointError if the checkpoint cannot be loaded, with what to do, PrecisionError for a precision that
        gives wrong results here, and as `Encoder` itself. An OpenVINO engine is made ready when it is first needed, and
        raises EngineError or PrecisionError then.
        """
        if not isinstance(spec, EncoderSpec):
            raise TypeError(f"spec is an EncoderSpec, not {type(spec).__name__}: EncoderSpec(motion=..., device=...)")
        refuse_unknown_options(options, "Encoder.load", asdict(spec))
        if options:
            if spec is not NO_CHOICE:
                given = ", ".join(options)
                raise TypeError(f"Encoder.load takes a spec or options, not both: put {given} into the spec")
            spec = EncoderSpec(**options)
        wanted = os.fspath(check_path(name, "Encoder.load"))
        loaded = load_engine(locate(wanted), spec)
        return cls(
            full_name(wanted),
            loaded.engine,
            loaded.tokenizer,
            loaded.record,
            loaded.token_weights,
            motion=spec.motion,
            num_frames=spec.num_frames,
            sampling=spec.sampling,
            max_words=spec.max_words,
            keep=spec.keep,
        )

    def with_options(self, **options: Unpack[ReadingOptions]) -> "Encoder":
        """The same encoder with a different mask, number of frames, sampling or max_words; both share one engine.

        Raises as `Encoder` itself.
        """
        refuse_unknown_options(options, "with_options", READING)
        chosen = self._options.copy()
        chosen.update(options)
        return Encoder(self.name, self.engine, self.tokenizer, self.record, self.token_weights, **chosen)

    def __repr__(self) -> str:
        spec = self.reader_spec
        return (
            f"Encoder({self.name!r}, dimension={self.dimension}, motion={spec.motion_word!r}, "
            f"num_frames={spec.num_frames}, device={self.device!r})"
        )

    @property
    def dimension(self) -> int:
        """D, length of a vector."""
        return self.engine.dimension

    @property
    def device(self) -> str:
        """Where the engine runs."""
        return self.engine.device

    @property
    def precision(self) -> str:
        """Of the engine's matrix products."""
        return self.engine.precision

    @property
    def kept_precision(self) -> str | None:
        """int8 if that is what runs, which is part of the fingerprint; None for float precisions, which are not."""
        return self.engine.kept_precision

    @property
    def rounding(self) -> str:
        """What else decides the last digits of a vector: precision and engine."""
        return self.engine.rounding

    @property
    def text_precision(self) -> str:
        """In which many texts are encoded; an engine may encode one alone in another (`EngineCosts`)."""
        return str(self.engine.facts.get("text_precision", self.engine.precision))

    @property
    def alpha_acts(self) -> bool:
        """False if no mask can change a vector, and none is computed: all weights of motion channels are zero, and all
        patches are kept."""
        return self.engine.inputs.motion_acts or self.keep < 1

    @cached_property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that change with anything that defines a vector: weights, tokens, frames, mask.

        Engine, device and float precisions are not part of it: they round a vector, they do not define a different one.
        int8 is, since it may take up to two hundredths of a vector.
        """
        parts: dict[str, str | float | None] = {
            "engine": self.engine.digest,
            "tokenizer": None if self.tokenizer is None else self.tokenizer.digest(),
            "max_words": self.max_words,
            "num_frames": self.reader_spec.num_frames,
            "sampling": self.reader_spec.sampling,
            "motion": self.reader_spec.motion_word,
            "version": VECTOR_VERSION,
        }
        if self.keep < 1:
            parts["keep"] = self.keep
        return digest(parts, sort_keys=True)

    def costs(self) -> EngineCosts | None:
        """Parameters, and floating-point operations of a video of `num_frames`; None if the engine cannot tell."""
        return self.engine.costs(self.reader_spec.num_frames, self.keep)

    def describe(self) -> str:
        """One line for people: what runs on which device, and whether masks matter."""
        if self.alpha_acts:
            masks = f"masks {self.reader_spec.motion}"
        else:
            masks = "alpha weights zero: masks change nothing (see `deltaclip info`)"
        kept = f", {100 * self.keep:.3g}% of the patches" if self.keep < 1 else ""
        sampled = "" if self.reader_spec.sampling == "uniform" else f", {self.reader_spec.sampling} sampling"
        texts = "" if self.tokenizer else "; no tokenizer: no text can be encoded, so no words find anything"
        return f"encoder {self.name} on {self.engine}, {masks}{sampled}{kept}{texts}"

    def encode_videos(
        self, paths: Iterable[str | Path], on_progress: Callable[[int, int], None] | None = None
    ) -> NDArray[np.float32]:
        """One vector for each video, sampled over the whole of it: float32 (V, D), unit rows, in the order given.

        paths: files; they may begin with ~. on_progress: called with (videos read, videos in all). Files are read in a
        child process, since broken ones can crash a decoder; it is started once a call, so give many paths at once.
        Raises VideoError for the first file that cannot be read: no row is ever left out or filled with zeros.
        """
        # Not Path.expanduser, which raises for a file whose name begins with ~.
        files = [Path(os.path.expanduser(path)) for path in check_paths(paths, "encode_videos")]

        from deltaclip.reader import guarded_calls, read_video

        with guarded_calls() as call:

            def clips() -> Iterator[Clip]:
                for number, file in enumerate(files, 1):
                    yield call(read_video, file, self.reader_spec)
                    if on_progress is not None:
                        on_progress(number, len(files))

            return self.encode_clips(clips())

    def encode_clips(self, clips: Iterable[Clip]) -> NDArray[np.float32]:
        """One vector for each clip: float32 (N, D), unit rows. Few clips are in memory at a time.

        Raises TypeError for anything but clips.
        """
        batches = self._frames_of(clips, "encode_clips")
        vectors = (self.engine.video_vectors(frames, lengths, self.keep) for frames, lengths in batches)
        return np.concatenate([np.empty((0, self.dimension), np.float32), *vectors])

    def encode_frames(self, clips: Iterable[Clip]) -> list[NDArray[np.float32]]:
        """Features of the frames of each clip, of which its vector is the mean: (T, D) float32, of no particular
        length, after the temporal head if there is one.

        Raises as `encode_clips`, and EngineError if the engine gives vectors alone.
        """
        made: list[NDArray[np.float32]] = []
        for frames, lengths in self._frames_of(clips, "encode_frames"):
            rows = self._token_engine.frame_parts(frames, lengths, self.keep)
            made += np.split(rows, np.cumsum(lengths)[:-1])
        return made

    def encode_tokens(self, texts: Iterable[str]) -> list[NDArray[np.float32]]:
        """Features of the tokens of each text, (L, D) float32 of no particular length: begin, if the model has one,
        the words and end, without padding.

        Raises as `encode_texts`, and EngineError if the engine gives vectors alone.
        """
        listed = check_texts(texts, "encode_tokens")
        made: list[NDArray[np.float32]] = []
        for start in range(0, len(listed), TEXTS_PER_BATCH):
            ids = self.token_rows(listed[start : start + TEXTS_PER_BATCH])
            rows = self._token_engine.token_parts(ids)
            ends = (ids == self.engine.inputs.end).argmax(axis=1)  # the first; later ones are padding in some families
            made += [row[: end + 1] for row, end in zip(rows, ends.tolist(), strict=True)]
        return made

    @property
    def _token_engine(self) -> TokenEngine:
        if not isinstance(self.engine, TokenEngine):
            found = f"the engine ({self.engine}) gives vectors, and no features of frames or tokens"
            raise EngineError(self.name, found, "Evaluate it by one vector a video (--interaction mean).")
        return self.engine

    def _frames_of(self, clips: Iterable[Clip], function: str) -> Iterator[tuple[NDArray[np.uint8], list[int]]]:
        """Clips in batches: their frames in a row, and how many each has. Raises as `encode_clips`."""
        if isinstance(clips, np.ndarray) or not isinstance(clips, Iterable):
            raise TypeError(f"{function} takes a list of clips, not one {type(clips).__name__}")
        for batch in _batches(clips, CLIPS_PER_BATCH):
            for clip in batch:
                if not isinstance(clip, Clip):
                    raise TypeError(f"{function} takes clips, not {type(clip).__name__}: encode_videos takes paths")
                side, has = self.reader_spec.image_size, clip.frames.shape
                if not len(clip.frames) or has[-2:] != (side, side):
                    wanted = f"(T, C, {side}, {side}) with T >= 1"
                    raise ValueError(f"{clip.path}: the clip's frames are {has}; this encoder takes {wanted}")
                if words := _too_many(len(clip.frames), self.engine.inputs):
                    raise ValueError(f"{clip.path}: the clip has {len(clip.frames)} frames; {words}")
            channels = self.engine.inputs.num_channels
            # B clips of T frames, which may differ
            yield (
                np.concatenate([filled(clip.frames, channels) for clip in batch]),
                [len(clip.frames) for clip in batch],
            )

    def encode_texts(self, texts: Iterable[str]) -> NDArray[np.float32]:
        """One vector for each text: float32 (Q, D), unit rows, in the order given.

        Raises TypeError for anything but texts, CheckpointError if the checkpoint has no tokenizer.
        """
        listed = check_texts(texts, "encode_texts")
        # Of nearly equal sizes: an engine may encode few texts in a different way than many.
        num_batches = math.ceil(len(listed) / TEXTS_PER_BATCH)
        edges = np.linspace(0, len(listed), num_batches + 1).astype(int)
        batches = (listed[start:end] for start, end in pairwise(edges))
        vectors = [self.engine.text_vectors(self.token_rows(batch)) for batch in batches]
        return np.concatenate([np.empty((0, self.dimension), np.float32), *vectors])

    def need_token_weights(self) -> TokenWeights:
        """The weights of token-wise interaction. Raises CheckpointError if the checkpoint has none."""
        if self.token_weights is None:
            found = "this checkpoint has no weights of token-wise interaction"
            remedy = (
                "Convert a file that DRL trained with --interaction wti (deltaclip convert --clip FILE), or take "
                "--interaction token, which needs none."
            )
            raise CheckpointError(self.name, found, remedy)
        return self.token_weights

    def knows_a_word(self, text: str) -> bool:
        """Whether the tokenizer knows any word of a text but articles and the like; one of byte pairs knows all."""
        return self.need_tokenizer().knows_a_word(text, besides=LITTLE_WORDS)

    def notes_on(self, text: str) -> list[str]:
        """What somebody who asks a text should know, a sentence each: words it does not know, tokens beyond
        `max_words`. Raises CheckpointError without a tokenizer."""
        notes = []
        if unknown := self.need_tokenizer().unknown_words(text):
            notes.append(f"{self.name} does not know these words: {', '.join(unknown)}")
        if cut := self.cut_words(text):
            notes.append(f"the query is too long for {self.name}: its last {cut} tokens are ignored")
        return notes

    def background_vectors(self) -> NDArray[np.float32]:
        """Vectors of sentences that have nothing to do with any library, to tell how well a text fits: (M, D), unit
        rows.

        For an encoder that was trained on drawn clips they are captions of such clips. They are kept in the user's
        cache folder. Raises CheckpointError if the checkpoint has no tokenizer.
        """
        sentences = drawn_sentences if _knows_drawings(self.record) else general_sentences

        def encoded(texts: Sequence[str]) -> NDArray[np.float32]:
            # Few at once, as questions are: their vectors are then made alike, and torch is not loaded for them.
            starts = range(0, len(texts), FEW_TEXTS)
            return np.concatenate([self.encode_texts(texts[start : start + FEW_TEXTS]) for start in starts])

        return kept_vectors(self.fingerprint, self.dimension, sentences, encoded)

    def token_rows(self, texts: Iterable[str]) -> NDArray[np.int64]:
        """int64 (Q, max_words), or (Q, context length) if the model takes whole rows: begin, text, end, padding."""
        inputs = self.engine.inputs
        return self.need_tokenizer().rows(
            check_texts(texts, "token_rows"),
            self.max_words,
            inputs.begin,
            inputs.end,
            inputs.pad,
            inputs.context_length if inputs.whole_rows else None,
        )

    def cut_words(self, text: str) -> int:
        """How many tokens of a text are beyond `max_words` and not seen by the text encoder."""
        if not isinstance(text, str):
            raise TypeError(f"cut_words takes one text, not {type(text).__name__}")
        [ids] = self.need_tokenizer().encode([text])
        return max(len(ids) + self.engine.inputs.around - self.max_words, 0)

    def need_tokenizer(self) -> Tokenizer:
        """The tokenizer. Raises CheckpointError if the checkpoint has none."""
        if self.tokenizer is None:
            remedy = (
                "Convert it again with a tokenizer (--tokenizer: a tokenizer.json, a hub name or "
                "bpe_simple_vocab_16e6.txt.gz)."
            )
            raise CheckpointError(self.name, "this checkpoint has no tokenizer, so texts cannot be encoded", remedy)
        return self.tokenizer


def _knows_drawings(record: CheckpointRecord) -> bool:
    """Whether an encoder was trained on drawn clips alone."""
    trained = record.training or {}
    data, model = (trained.get(part) for part in ("data", "model"))
    return (
        isinstance(data, Mapping)
        and data.get("dataset") == "shapes"
        and isinstance(model, Mapping)
        and (model.get("init") == "fresh")
    )


def _remembered(name: str, record: CheckpointRecord, inputs: Inputs) -> ReaderSpec:
    """How the checkpoint wants videos to be read. Raises CheckpointError if it names a mask that does not exist."""
    try:
        motion = MotionSpec.parse(DEFAULT_MOTION if record.motion is None else record.motion)
        return ReaderSpec(inputs.image_size, record.num_frames, motion, fit=inputs.fit)
    except (ValueError, TypeError, AttributeError) as error:
        remedy = "Correct motion and num_frames in its deltaclip.json."
        raise CheckpointError(name, f"a record with settings that do not exist ({error})", remedy) from error


def _reader_spec(remembered: ReaderSpec, options: ReadingOptions, inputs: Inputs) -> ReaderSpec:
    """How videos are read: as the user chose, else as the checkpoint remembers. Raises ValueError for a bad choice."""
    word = options.get("motion")
    if not isinstance(word, str | None):
        raise TypeError(f"motion is {word!r}: give the name of a mask, such as 'subject'")
    motion = remembered.motion if word is None else MotionSpec.parse(word)
    num_frames = _whole("num_frames", options.get("num_frames"), remembered.num_frames)
    sampling = options.get("sampling", remembered.sampling)
    chosen = replace(remembered, num_frames=num_frames, motion=motion, sampling=sampling)
    if words := _too_many(num_frames, inputs):
        raise ValueError(f"num_frames is {num_frames}; {words}")
    if not inputs.motion_acts and _share_kept(options) == 1:
        return replace(chosen, motion=None)
    extras = () if motion is None else motion.extras
    lacking = [extra for extra in extras if extra not in extras_of(inputs.num_channels)]
    if lacking:
        has = ", ".join(channel.name for channel in channels_of(extras_of(inputs.num_channels)))
        raise ValueError(
            f"motion {motion}: the encoder has no channels for {' and '.join(lacking)} ({has}); train it with "
            "that mask first"
        )
    return chosen


def _share_kept(options: ReadingOptions) -> float:
    """Share of the patches that are kept. Raises ValueError for a share that does not exist."""
    keep = options.get("keep")
    return 1.0 if keep is None else check_share(keep, "keep")


def _too_many(num_frames: int, inputs: Inputs) -> str | None:
    """Why a clip of so many frames cannot be encoded, None if it can."""
    if inputs.max_frames is None or num_frames <= inputs.max_frames:
        return None
    return f"the encoder's temporal head has positions for {inputs.max_frames}, so take at most {inputs.max_frames}"


def _whole(name: str, chosen: int | None, remembered: int) -> int:
    """The chosen number, the remembered one for None. Raises TypeError unless it is whole, ValueError if below 1."""
    return remembered if chosen is None else check_whole(chosen, name)


def _batches(items: Iterable[Clip], size: int) -> Iterator[list[Clip]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
