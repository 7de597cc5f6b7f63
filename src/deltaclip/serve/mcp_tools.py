"""The tools of assistants, over the same state as the HTTP API. Their docstrings are what an assistant reads."""

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ImageContent, TextContent
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from deltaclip.library import By, Moment, Relevance, VideoRow, match_nothing
from deltaclip.serve.access import Visitor, require, words_for
from deltaclip.serve.forms import FailuresAnswer, FilterForm, FoundForm, JobForm, JobsAnswer, LibrariesAnswer
from deltaclip.serve.hiding import plain
from deltaclip.serve.job_routes import allowed_path, failures_page, job_form
from deltaclip.serve.library_routes import library_form
from deltaclip.serve.problems import Problem, problem_of
from deltaclip.serve.questions import Question
from deltaclip.serve.search_routes import filter_of, found_form
from deltaclip.serve.shelf import Served
from deltaclip.serve.state import ServerState
from deltaclip.wording import count

__all__ = ["Tools"]

Told = Context[Any, Any]  # Any: there is no state of a session
LibraryName = Annotated[
    str | None, Field(max_length=255, description="Name of the library, if there are several (default: the first)")
]
MomentId = Annotated[str, Field(max_length=64, description="moment_id of a moment that search_moments found")]
NOTHING = "Nothing in this library matches: no moment fits better than sentences about other things do."


class MomentsFound(BaseModel):
    """Moments, best first, and how sure that is."""

    summary: str = Field(description="What was found, in a sentence")
    matches_nothing: bool = Field(description="No moment fits; those listed are the best of the rest")
    motion_words: list[str] = Field(description="Words of the text that were understood as motion")
    moments: list[FoundForm]
    notes: list[str]


@dataclass(frozen=True, slots=True)
class Tools:
    """visitor_of: who calls, from the context of a call."""

    server: ServerState
    visitor_of: Callable[[Told], Visitor]

    async def search_moments(
        self,
        context: Told,
        text: Annotated[str, Field(min_length=1, max_length=2000, description="What is to be seen, and how it moves")],
        limit: Annotated[int, Field(ge=1, le=50)] = 10,
        by: Annotated[By, Field(description="Compare what is seen (appearance), how it moves (motion), or both")] = (
            "both"
        ),
        min_relevance: Annotated[Relevance | None, Field(description="Leave out what is less relevant")] = None,
        where: Annotated[FilterForm | None, Field(description="Which videos and moments may be found")] = None,
        library: LibraryName = None,
    ) -> MomentsFound:
        """Find moments in the videos of a library from a description in words.

        Describe what is seen and how it moves, for example "a red car turns left" or "the camera pans over a beach".
        Every moment has a file name (and its path, if you may see it), start and end in seconds, and a relevance: high,
        medium, low or none. If matches_nothing is true, say that nothing fits instead of presenting the moments.
        Use get_moment_frames to look at a moment.
        """
        with self._for(context) as visitor:
            if not text.strip():
                raise Problem("invalid_value", "The text is empty.")
            served = self.server.shelf.named(library)
            chosen = None if where is None else filter_of(where)
            question = Question(text=text, by=by, where=chosen, min_relevance=min_relevance)
            page = await self.server.desk.ask(served, question, limit, None)
            moments = [found_form(visitor, hit) for hit in page.hits]
            is_nothing = not page.hits or match_nothing(page.hits)
            return MomentsFound(
                summary=NOTHING if is_nothing else f"{count(len(moments), 'moment')}, best first.",
                matches_nothing=is_nothing,
                motion_words=list(page.motion_words),
                moments=moments,
                notes=[words_for(visitor, note) for note in page.notes],
            )

    async def describe_library(self, context: Told, library: LibraryName = None) -> LibrariesAnswer:
        """Say what the libraries hold: videos, moments, failures, folders, and which encoder made their vectors."""
        with self._for(context) as visitor:
            chosen = list(self.server.shelf) if library is None else [self.server.shelf.named(library)]
            forms = [await run_in_threadpool(library_form, self.server, served, visitor) for served in chosen]
            return LibrariesAnswer(libraries=forms)

    async def list_failures(
        self,
        context: Told,
        limit: Annotated[int, Field(ge=1, le=200)] = 50,
        cursor: Annotated[str | None, Field(max_length=64, description="next of the page before")] = None,
        library: LibraryName = None,
    ) -> FailuresAnswer:
        """List the files that could not be read, or only in part, and why: their moments cannot be found."""
        with self._for(context) as visitor:
            served = self.server.shelf.named(library)
            return await run_in_threadpool(failures_page, served, visitor, limit, cursor)

    async def get_moment_frames(
        self,
        context: Told,
        moment_id: MomentId,
        count: Annotated[int, Field(ge=1, le=8, description="Frames, spread over the moment")] = 4,
        overlay: Annotated[
            bool | Literal["both"], Field(description="Draw an outline around what moves; both: without, then with it")
        ] = False,
        library: LibraryName = None,
    ) -> list[TextContent | ImageContent]:
        """Look at a moment: frames from it as pictures, with or without an outline around what moves."""
        with self._for(context):
            served = self.server.shelf.named(library)
            moment, row = await run_in_threadpool(_moment, served, moment_id)
            wanted = {False: (False,), True: (True,), "both": (False, True)}[overlay]
            step = (moment.end - moment.start) / count
            times = ", ".join(f"{moment.start + (number + 0.5) * step:.2f} s" for number in range(count))
            about = f"{plain(row.path.name)}, {moment.start:.1f} to {moment.end:.1f} s; frames near {times}"
            content: list[TextContent | ImageContent] = [TextContent(type="text", text=about)]
            for outlined in wanted:
                if len(wanted) > 1:
                    words = "With what moves outlined:" if outlined else "As they are:"
                    content.append(TextContent(type="text", text=words))
                pictures = await run_in_threadpool(
                    self.server.media.frames, served, row, moment.start, moment.end, count, outlined=outlined
                )
                content += [_picture(each) for each in pictures]
            return content

    async def index_folder(
        self,
        context: Told,
        path: Annotated[str, Field(max_length=4096, description="Absolute path of a folder or file below the roots")],
        library: LibraryName = None,
    ) -> JobForm:
        """Index a folder or file, so that its moments can be found. Returns a job at once; ask index_status how far it
        is. Files that did not change are not read again."""
        with self._for(context) as visitor:
            require(visitor, "index")
            served = self.server.shelf.named(library)
            allowed = await run_in_threadpool(allowed_path, self.server, path)
            return job_form(self.server.jobs.start(served, "index", [allowed]), visitor)

    async def index_status(
        self,
        context: Told,
        job_id: Annotated[str | None, Field(max_length=64, description="Of index_folder (default: all jobs)")] = None,
    ) -> JobsAnswer:
        """Say how far index jobs are, newest first."""
        with self._for(context) as visitor:
            jobs = self.server.jobs.all() if job_id is None else [self.server.jobs.job(job_id)]
            return JobsAnswer(jobs=[job_form(job, visitor) for job in jobs])

    @contextmanager
    def _for(self, context: Told) -> Iterator[Visitor]:
        """Who calls; what goes wrong is told as the HTTP API tells it. Raises ToolError."""
        visitor = self.visitor_of(context)
        try:
            require(visitor, "read")
            yield visitor
        except Problem as problem:
            raise ToolError(problem.detail) from problem
        except Exception as error:
            if (known := problem_of(error, visitor.sees_paths)) is None:
                raise  # the log has all of it, and the assistant hears only that it failed
            raise ToolError(known.detail) from error


def _moment(served: Served, moment_id: str) -> tuple[Moment, VideoRow]:
    """A moment and its video. Raises Problem."""
    moment = served.library().moment(moment_id)
    row = None if moment is None else next((row for row in served.videos() if row.path == moment.path), None)
    if moment is None or row is None:
        raise Problem("not_found", f"The library has no moment {moment_id!r}: search again.")
    return moment, row


def _picture(content: bytes) -> ImageContent:
    return ImageContent(type="image", data=base64.b64encode(content).decode(), mime_type="image/jpeg")
