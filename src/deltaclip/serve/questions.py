"""Questions that wait are answered in the order of their arrival, in one thread; their texts are encoded together.

Answers are kept for a while, so that who reads on in one gets the hits that follow, whatever was indexed since.
"""

import asyncio
import base64
import binascii
import hashlib
import json
import threading
import time
import uuid
from collections import OrderedDict, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from queue import Empty, Full, Queue
from typing import Any

from deltaclip.library import By, Filter, Hit, Relevance, reaches
from deltaclip.serve.metrics import STAGE_SECONDS, WAITING
from deltaclip.serve.problems import Problem
from deltaclip.serve.shelf import Served

__all__ = ["MOST_HITS", "Desk", "Page", "Question"]

MOST_HITS = 10_000
"""How far down one can read in an answer."""
AT_ONCE = 8
"""Questions taken from the queue together: their texts are encoded side by side, and none waits long for the others."""
MOST_WAITING = 1000
ANSWERS_KEPT, KEPT_SECONDS = 128, 900.0


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of one library: by text, by moment_id, or, with neither, by a file that was sent.

    The rest as in `Library.search`.
    """

    text: str | None = None
    moment_id: str | None = None
    by: By = "both"
    where: Filter | None = None
    min_relevance: Relevance | None = None
    fold: bool = True

    @property
    def digest(self) -> str:
        """Changes with anything that is asked."""
        return hashlib.sha256(repr(self).encode("utf-8", "surrogatepass")).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Page:
    """Some hits of an answer, best first.

    cursor: asks for those that follow; None if there are no more. motion_words: of the text.
    """

    hits: Sequence[Hit]
    cursor: str | None
    motion_words: Sequence[str] = ()
    notes: Sequence[str] = ()


@dataclass(slots=True)
class _Answer:
    """What was found for a question in one state of a library.

    asked_for: so many hits were asked of the library. is_complete: there are no more, or none that is relevant enough.
    """

    served: Served
    question: Question
    hits: list[Hit] = field(default_factory=list)
    motion_words: Sequence[str] = ()
    notes: Sequence[str] = ()
    asked_for: int = 0
    is_complete: bool = False
    seen_at: float = 0.0


@dataclass(slots=True)
class _Task:
    """A question in the queue, and where its answer is awaited."""

    answer: _Answer
    wanted: int
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[None]"
    since: float = field(default_factory=time.perf_counter)

    def end(self, error: Exception | None) -> None:
        def tell() -> None:
            if not self.future.done():  # who asked may have gone
                self.future.set_result(None) if error is None else self.future.set_exception(error)

        self.loop.call_soon_threadsafe(tell)


class Desk:
    """Answers the questions of all clients; its methods are called in the event loop."""

    def __init__(self) -> None:
        self._queue: Queue[_Task | None] = Queue(MOST_WAITING)
        self._answers: OrderedDict[str, _Answer] = OrderedDict()
        self._thread = threading.Thread(target=self._work, name="deltaclip-questions", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the thread once the questions that wait are answered."""
        self._queue.put(None)
        self._thread.join()

    async def ask(self, served: Served, question: Question, limit: int, cursor: str | None) -> Page:
        """The next `limit` hits of a question. Raises Problem, and what `Library.search` raises.

        cursor: of the page before; None for the first one. Hits that were indexed meanwhile are not in later pages
        unless the answer is no longer kept, and then only below the last hit that was given.
        """
        fingerprint = getattr(served.made_by(), "fingerprint", "")
        if cursor is None:
            name, answer, start = uuid.uuid4().hex, _Answer(served, question), 0
        else:
            told = _read_cursor(cursor, question, fingerprint)
            name, start = told["answer"], told["given"]
            kept = self._answers.get(name)
            if kept is None or kept.served is not served or kept.question != question:
                answer = _Answer(served, question)
                await self._fetch(answer, start + limit)
                name, start = uuid.uuid4().hex, _place_after(answer.hits, told["score"], told["moment"])
            else:
                answer = kept
        wanted = min(start + limit, MOST_HITS)
        if len(answer.hits) < wanted and not answer.is_complete:
            await self._fetch(answer, wanted)
        hits = answer.hits[start:wanted]
        self._keep(name, answer)
        has_more = wanted < min(len(answer.hits), MOST_HITS) or (wanted < MOST_HITS and not answer.is_complete)
        following = _cursor(name, wanted, hits[-1], question, fingerprint) if hits and has_more else None
        return Page(hits, following, answer.motion_words, answer.notes)

    async def _fetch(self, answer: _Answer, wanted: int) -> None:
        """Has an answer hold `wanted` hits, or all there are; those that it held stay first."""
        loop = asyncio.get_running_loop()
        task = _Task(answer, wanted, loop, loop.create_future())
        try:
            self._queue.put_nowait(task)
        except Full:
            raise Problem(
                "unavailable", "Too many questions wait; ask again soon.", headers={"Retry-After": "2"}
            ) from None
        WAITING.set(self._queue.qsize())
        await task.future

    def _keep(self, name: str, answer: _Answer) -> None:
        now = answer.seen_at = time.monotonic()
        self._answers[name] = answer
        self._answers.move_to_end(name)
        while len(self._answers) > ANSWERS_KEPT or next(iter(self._answers.values())).seen_at < now - KEPT_SECONDS:
            self._answers.popitem(last=False)

    def _work(self) -> None:
        """In the thread: takes what waits and answers it."""
        is_open = True
        while is_open:
            tasks = [self._queue.get()]
            while len(tasks) < AT_ONCE:
                try:
                    tasks.append(self._queue.get_nowait())
                except Empty:
                    break
            WAITING.set(self._queue.qsize())
            there = [task for task in tasks if task is not None]
            is_open = len(there) == len(tasks)
            for task in there:
                STAGE_SECONDS.labels("wait").observe(time.perf_counter() - task.since)
            _encode_together(there)
            for task in there:
                if task.future.cancelled():
                    continue
                try:
                    with STAGE_SECONDS.labels("search").time():
                        _extend(task.answer, task.wanted)
                except Exception as error:  # noqa: BLE001 - it is raised again where the answer is awaited
                    task.end(error)
                else:
                    task.end(None)


def _encode_together(tasks: Sequence[_Task]) -> None:
    """Has each library encode the texts that are asked of it; what goes wrong is told by the search itself."""
    texts: defaultdict[Served, list[str]] = defaultdict(list)
    for task in tasks:
        if task.answer.question.text is not None and task.answer.question.by != "motion":
            texts[task.answer.served].append(task.answer.question.text)
    for served, asked in texts.items():
        try:
            with STAGE_SECONDS.labels("encode").time():
                served.library().prepare(asked)
        except Exception:  # noqa: BLE001 - each question meets it again, and then somebody awaits it
            return


def _extend(answer: _Answer, wanted: int) -> None:
    """Asks the library for more hits than before, and appends those that follow."""
    question, library = answer.question, answer.served.library()
    limit = min(wanted if not answer.asked_for else max(wanted, 4 * answer.asked_for), MOST_HITS)
    notes: list[str] = []
    if question.text is not None:
        if question.by != "motion":
            notes += library.notes_on(question.text)
        found = library.search(
            question.text,
            limit,
            question.by,
            notes.append,
            where=question.where,
            fold=question.fold,
        )
        if not answer.asked_for and question.by != "appearance" and library.keeps_motion:
            answer.motion_words = library.motion_words(question.text)
    else:
        assert question.moment_id is not None
        if library.moment(question.moment_id) is None:
            raise Problem("gone", "The moment is gone: its video was indexed again or removed. Search again.")
        found = library.search_moment(question.moment_id, limit, question.by, where=question.where, fold=question.fold)
    given = {hit.id for hit in answer.hits}
    given.update(other.id for hit in answer.hits for other in hit.folded)
    least, last = question.min_relevance, answer.hits[-1] if answer.hits else None
    below = found if last is None else found[_place_after(found, last.score, last.id) :]  # not what came in above since
    new = [hit for hit in below if hit.id not in given and (least is None or reaches(hit.relevance, least))]
    answer.hits += new
    answer.is_complete = len(found) < limit or limit == MOST_HITS or not new
    answer.asked_for, answer.notes = limit, notes


def _place_after(hits: Sequence[Hit], score: float, moment_id: str) -> int:
    """How many of these hits come before or at the one that had this score and id, which may be gone."""
    for place, hit in enumerate(hits):
        if hit.id == moment_id:
            return place + 1
    return next((place for place, hit in enumerate(hits) if hit.score < score), len(hits))


def _cursor(name: str, given: int, last: Hit, question: Question, fingerprint: str) -> str:
    """No path is in it: a remote reader gets it too."""
    told = {"answer": name, "given": given, "score": last.score, "moment": last.id}
    content = json.dumps({**told, "question": question.digest, "encoder": fingerprint}, separators=(",", ":"))
    return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")


def _read_cursor(cursor: str, question: Question, fingerprint: str) -> dict[str, Any]:
    """Raises Problem for one that is damaged, of a different question, or of vectors that are no longer there."""
    kinds = {"answer": str, "given": int, "score": float, "moment": str, "question": str, "encoder": str}
    try:
        told = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        fits = isinstance(told, dict) and all(isinstance(told.get(name), kind) for name, kind in kinds.items())
    except (ValueError, binascii.Error):
        fits = False
    if not fits or not 0 <= told["given"] <= MOST_HITS:
        raise Problem("invalid_value", "This cursor was not given by the server: leave it out to begin again.")
    if told["question"] != question.digest:
        raise Problem("invalid_value", "This cursor belongs to a different question: send both as they were.")
    if told["encoder"] != fingerprint:
        raise Problem("gone", "The library was indexed with a different encoder since: search again without a cursor.")
    return dict(told)
