"""Videos decoded and encoded anew, several at once, in child processes that may crash without taking us along."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue

from deltaclip.errors import PictureError, VideoError, unforeseen
from deltaclip.library import Stamp, content_of, require_unchanged, twice_if_touched
from deltaclip.reader import Call, guarded_calls, read_whole
from deltaclip.training.cache.index import Source
from deltaclip.training.cache.settings import CacheSettings
from deltaclip.training.cache.shard import EncodedVideo, encode_video

__all__ = ["decoded_videos"]

Decoded = tuple[EncodedVideo, Source, tuple[str, ...]]
"""A video as it goes into a shard, the very file that it was read from, and what is worth knowing of it."""


def decoded_videos(
    pending: Sequence[str], videos: Mapping[str, Path], settings: CacheSettings, workers: int
) -> Iterator[tuple[str, Decoded | VideoError]]:
    """The pending videos, encoded, or why not, in their order, a few ahead of the consumer.

    A file that changes while it is read is a VideoError.
    """
    num_workers = max(min(workers, len(pending)), 1)
    with ExitStack() as stack:
        readers: SimpleQueue[Call] = SimpleQueue()
        for _ in range(num_workers):
            readers.put(stack.enter_context(guarded_calls()))

        def work(video: str) -> Decoded | VideoError:
            call, path = readers.get(), videos[video]

            def decoded() -> Decoded:
                stamp = Stamp.of(path)
                frames, motion = call(read_whole, path, settings.motion_spec, settings.num_frames, settings.size)
                content = content_of(path)
                require_unchanged(path, stamp)
                encoded = encode_video(frames.rgb, frames.seconds, motion, settings)
                return encoded, Source.of(path, content), frames.notes

            try:
                return twice_if_touched(decoded)
            except VideoError as error:
                return error
            except PictureError as error:
                return VideoError(str(path), f"{error.what} {error.found}", "Leave it out, or keep raw pixels (--raw).")
            except Exception as error:  # noqa: BLE001 - it is named, and the others are done
                return unforeseen(str(path), error)
            finally:
                readers.put(call)

        # Threads, because the work is done in the children and in OpenCV, which lets go of the interpreter's lock.
        pool = ThreadPoolExecutor(num_workers)
        stack.callback(pool.shutdown, cancel_futures=True)
        ahead: deque[tuple[str, Future[Decoded | VideoError]]] = deque()
        for video in pending:
            ahead.append((video, pool.submit(work, video)))
            if len(ahead) > 2 * num_workers:
                first, future = ahead.popleft()
                yield first, future.result()
        for last, future in ahead:
            yield last, future.result()
