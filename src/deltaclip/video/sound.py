"""The sound of a moment: its packets as they are, or decoded and encoded as AAC."""

from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from numpy.typing import NDArray

from deltaclip.processes import pulse

__all__ = ["COPIED_SOUND", "copied_sound", "encoded_sound", "heard", "sound_of", "sound_rate"]

COPIED_SOUND = ("aac", "mp3")
"""Codecs of sound that an mp4 may hold and every browser plays."""
LEAD_SECONDS = 0.3
"""Decoded before a moment: an AAC or Opus decoder needs what comes before to be exact."""
SEEK_SECONDS = 2.0
"""A moment that begins earlier is reached by reading."""
JITTER_SECONDS = 0.05
"""Time stamps of sound that are so far off are rounded ones; further off there is a gap, or the same twice."""
RATES = (48000, 44100, 32000, 24000, 22050, 16000)
"""Samples a second that are kept; others become the first."""
BLOCK = 4096
"""Samples of silence written at once."""


def sound_of(container: InputContainer) -> AudioStream | None:
    """The stream that a player plays, if it can be decoded here."""
    best = container.streams.best("audio")
    return best if isinstance(best, AudioStream) and best.codec_context is not None else None


def sound_rate(stream: AudioStream) -> int:
    """Samples a second of what `encoded_sound` writes."""
    return stream.rate if stream.rate in RATES else RATES[0]


def copied_sound(
    container: InputContainer, stream: AudioStream, target: AudioStream, origin: Fraction, start: float, end: float
) -> Iterator[tuple[float, "Packet[AudioStream]"]]:
    """(second of the moment, packet) for the target. origin: the file's clock when a player's is at zero."""
    base = _time_base(stream)
    zero = round((origin + Fraction(start)) / base)
    for packet in _packets(container, stream, origin, start):
        if packet.pts is None or packet.dts is None or not packet.size:
            continue
        seconds = float((packet.pts - zero) * base)
        if seconds >= end - start:
            return
        if seconds + float((packet.duration or 0) * base) + LEAD_SECONDS > 0:
            packet.pts, packet.dts, packet.stream = packet.pts - zero, packet.dts - zero, target
            yield seconds, packet


def encoded_sound(
    pieces: Iterator[NDArray[np.float32]], target: AudioStream
) -> Iterator[tuple[float, "Packet[AudioStream]"]]:
    """(second of the moment, packet) of what is heard. pieces: of `heard`, at the rate of the target."""
    rate, done = target.codec_context.sample_rate, 0
    for samples in pieces:
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout=target.layout.name)
        frame.sample_rate, frame.pts, frame.time_base = rate, done, Fraction(1, rate)
        for packet in target.encode(frame):
            yield done / rate, packet
        done += samples.shape[1]
    for packet in target.encode(None):
        yield done / rate, packet


def heard(
    container: InputContainer, stream: AudioStream, origin: Fraction, start: float, end: float
) -> Iterator[NDArray[np.float32]]:
    """The sound of start <= second < end in pieces, one after the other: (channels, N) float32 at `sound_rate`.

    One or two channels. Gaps are silent; what is there twice is heard once. Ends where the sound does.
    """
    rate = sound_rate(stream)
    total, done = round((end - start) * rate), 0
    for seconds, samples in _decoded(container, stream, origin, start):
        gap = round((seconds - start) * rate) - done
        if done + gap >= total:
            return
        if gap + samples.shape[1] <= 0:
            continue
        if gap > (JITTER_SECONDS * rate if done else 0):
            for begun in range(0, gap, BLOCK):
                yield np.zeros((len(samples), min(BLOCK, gap - begun)), np.float32)
            done += gap
        elif gap < -(JITTER_SECONDS * rate if done else 0):
            samples = samples[:, -gap:]
        samples = samples[:, : total - done]
        if samples.shape[1]:
            yield samples
            done += samples.shape[1]


def _decoded(
    container: InputContainer, stream: AudioStream, origin: Fraction, start: float
) -> Iterator[tuple[float, NDArray[np.float32]]]:
    """(second on a player's clock, samples (channels, N)), begun before `start`. Damaged packets are skipped."""
    rate = sound_rate(stream)
    resampler = AudioResampler(format="fltp", layout="mono" if stream.channels == 1 else "stereo", rate=rate)
    for packet in _packets(container, stream, origin, start):
        try:
            frames = [piece for frame in packet.decode() for piece in resampler.resample(frame)]
        except (av.FFmpegError, ValueError):  # ValueError: its layout changed midway
            continue
        for piece in frames:
            if piece.pts is not None and piece.time_base is not None:
                yield float(piece.pts * piece.time_base - origin), np.asarray(piece.to_ndarray(), np.float32)


def _packets(
    container: InputContainer, stream: AudioStream, origin: Fraction, start: float
) -> Iterator["Packet[AudioStream]"]:
    """From a little before `start` to the end of the file, or to where it breaks off."""
    if start > SEEK_SECONDS:
        before = (origin + Fraction(start - LEAD_SECONDS)) / _time_base(stream)
        with suppress(av.FFmpegError):  # then from the beginning
            container.seek(int(before), stream=stream, backward=True)
    with suppress(av.FFmpegError):
        for packet in container.demux(stream):
            pulse()
            yield packet


def _time_base(stream: AudioStream) -> Fraction:
    return stream.time_base or Fraction(1, stream.rate)
