"""The forms of requests and answers, as OpenAPI tells them."""

from datetime import date, datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from deltaclip.library import By, Relevance

__all__ = [
    "FailureForm",
    "FailuresAnswer",
    "FilterForm",
    "FolderForm",
    "FoldersAnswer",
    "FoundForm",
    "HitForm",
    "IndexRequest",
    "JobForm",
    "JobsAnswer",
    "LibrariesAnswer",
    "LibraryForm",
    "MomentForm",
    "MomentsAnswer",
    "MotionAnswer",
    "ProblemForm",
    "ScoredForm",
    "ScoresAnswer",
    "SearchAnswer",
    "SearchRequest",
    "SessionAnswer",
    "SessionRequest",
    "UploadAnswer",
    "VideoForm",
    "VideosAnswer",
]

MOST_TEXT = 2000
"""Characters of a question; encoders read a few hundred at most."""
Limit = Annotated[int, Field(ge=1, le=200, description="Hits of a page")]


class _Request(BaseModel):
    """Unknown members are refused: one that is misspelt must not be ignored."""

    model_config = ConfigDict(extra="forbid")


class ProblemForm(BaseModel):
    """An error, as RFC 9457 has it. `code` stays the same from version to version."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "example": {
                "type": "about:blank",
                "title": "Not found",
                "status": 404,
                "detail": "The library has no video '7'; search again if it had one before.",
                "code": "not_found",
            }
        },
    )
    type: str
    title: str
    status: int
    detail: str
    code: str


class FilterForm(_Request):
    """Which moments may be found; see `deltaclip search --help` for what each means."""

    folder: str | None = Field(None, description="The file is in this folder or below it", max_length=4096)
    glob: str | None = Field(
        None, description="Pattern of the name, or of the path", max_length=4096, examples=["*.mp4"]
    )
    longer_seconds: float | None = Field(None, ge=0, allow_inf_nan=False)
    shorter_seconds: float | None = Field(None, ge=0, allow_inf_nan=False)
    after: datetime | date | None = Field(None, description="The file was last changed then or later")
    before: datetime | date | None = None
    min_coverage: float | None = Field(None, ge=0, le=1, description="Share of the frames that moves at least")


class SearchRequest(_Request):
    """One of text, moment_id and upload_id says what is looked for."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"text": "the red circle moves", "limit": 12}]}
    )
    text: str | None = Field(None, max_length=MOST_TEXT, description="What is to be seen, and how it moves")
    moment_id: str | None = Field(None, max_length=64, description="A moment of the library: find its like")
    upload_id: str | None = Field(None, max_length=64, description="A picture or video, sent to /v1/uploads before")
    limit: Limit = 24
    cursor: str | None = Field(None, max_length=1024, description="`next` of the page before")
    by: By | None = Field(None, description="Default: both for a text, appearance for anything else")
    min_relevance: Relevance | None = Field(None, description="Leaves out what is less relevant; for a text only")
    fold: bool = Field(True, description="Whether copies and neighbours of a moment are one hit with it")
    where: FilterForm = Field(default_factory=FilterForm)

    @model_validator(mode="after")
    def _asks_one_thing(self) -> Self:
        given = [self.text, self.moment_id, self.upload_id]
        if sum(each is not None for each in given) != 1:
            raise ValueError("give one of text, moment_id and upload_id")
        if self.text is not None and not self.text.strip():
            raise ValueError("the text is empty")
        if self.text is None and self.min_relevance is not None:
            raise ValueError("min_relevance is for a text only: leave it out")
        return self


class FoundForm(BaseModel):
    """A moment that was found."""

    video_id: str
    moment_id: str
    path: str | None = Field(description="Null for who may not see paths of the server's machine")
    name: str = Field(description="Of the file, without its folder")
    start_seconds: float
    end_seconds: float
    score: float
    appearance: float | None
    motion: float | None
    relevance: Relevance | None = Field(description="Null if it was not asked by a text")
    coverage: float | None = Field(description="Share of the frames that moves, mean over the moment")


class HitForm(FoundForm):
    """A hit, where its pictures and its video are, and those that show the same moment."""

    thumbnail_url: str
    outlined_thumbnail_url: str
    stream_url: str
    folded: list[FoundForm]


class SearchAnswer(BaseModel):
    """Hits, best first."""

    hits: list[HitForm]
    next: str | None = Field(description="The cursor of the page that follows")
    motion_words: list[str] = Field(description="Words of the text that were understood as motion")
    matches_nothing: bool = Field(description="No hit fits better than sentences about other things do")
    notes: list[str]


class UploadAnswer(BaseModel):
    """A file to search with."""

    upload_id: str
    kind: Literal["image", "video"]
    expires_seconds: float


class FactsForm(BaseModel):
    """What a file holds."""

    container: str
    codec: str
    pixel_format: str | None
    width: int
    height: int
    rotation: int
    fps: float | None
    audio: str | None
    not_played: str | None = Field(description="Why browsers cannot play the file itself; null if they can")


class VideoForm(BaseModel):
    """A video of the library."""

    video_id: str
    path: str | None
    name: str
    size_bytes: int | None
    duration_seconds: float | None
    status: Literal["indexed", "damaged", "failed"]
    reason: str | None
    missing: bool
    num_moments: int
    stream_url: str
    thumbnail_url: str | None
    facts: FactsForm | None = Field(None, description="Of one video only, if its file can be read")


class VideosAnswer(BaseModel):
    """Videos, by path."""

    videos: list[VideoForm]
    next: str | None


class MomentForm(BaseModel):
    """A moment of a video."""

    moment_id: str
    start_seconds: float
    end_seconds: float
    coverage: float | None


class MomentsAnswer(BaseModel):
    """The moments of a video, by time."""

    moments: list[MomentForm]


class ScoredForm(BaseModel):
    """A moment and how well it fits the question."""

    moment_id: str
    start_seconds: float
    end_seconds: float
    score: float


class ScoresAnswer(BaseModel):
    """All moments of a video, by time, each with its score."""

    moments: list[ScoredForm]
    motion_words: list[str]


class MotionAnswer(BaseModel):
    """What moves in a video, frame by frame."""

    seconds: list[float]
    outlines: list[list[list[tuple[float, float]]]] = Field(description="Polygons; x and y from 0 to 1")
    arrows: list[tuple[float, float, float, float] | None] = Field(
        description="x, y of what moves, and its velocity, right and down, in picture heights a second"
    )
    camera: list[tuple[float, float, float, float] | None] = Field(description="Pan, tilt, zoom and roll a second")
    coverage: list[float]
    fallback: list[str | None] = Field(description="Why a frame has no mask")


class LibraryForm(BaseModel):
    """A library that is served."""

    name: str
    address: str | None
    created: bool = Field(False, description="False before anything was indexed")
    videos: int = 0
    moments: int = 0
    failed: int = 0
    missing: int = 0
    without_motion: int = 0
    encoder: str | None = None
    fingerprint: str | None = None
    motion: str | None = Field(None, description="The mask of the encoder")
    motion_encoder: str | None = None
    outdated: str | None = Field(None, description="Why the vectors have to be made again")
    size_bytes: int | None = Field(None, description="Of the files of the library")
    folders: list["FolderForm"] = Field([], description="Folders of videos, by path; the first 200")
    roots: list[str]
    may_index: bool


class FolderForm(BaseModel):
    """A folder."""

    name: str
    path: str | None
    videos: int | None = Field(None, description="Videos of the library below it")


class LibrariesAnswer(BaseModel):
    """The libraries that are served, in order."""

    libraries: list[LibraryForm]


class FoldersAnswer(BaseModel):
    """Folders that may be indexed."""

    path: str | None
    parent: str | None
    folders: list[FolderForm]


class IndexRequest(_Request):
    """Folders and files to index, below the roots of the server."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"paths": ["/home/you/Videos"]}]})
    paths: list[Annotated[str, Field(max_length=4096)]] = Field(min_length=1, max_length=100)


class JobForm(BaseModel):
    """An index job."""

    job_id: str
    kind: Literal["index", "retry", "demo"]
    state: Literal["waiting", "running", "done", "failed", "cancelled"]
    library: str
    paths: list[str]
    done: int
    total: int
    moments: int
    failed: int
    current: str | None
    seconds: float
    report: dict[str, int | float] | None = Field(description="Counts of what was done, as in `index --json`")
    error: str | None


class JobsAnswer(BaseModel):
    """The jobs of this server, newest first."""

    jobs: list[JobForm]


class FailureForm(BaseModel):
    """A file that could not be read, or only in part."""

    failure_id: str
    path: str | None
    name: str
    reason: str


class FailuresAnswer(BaseModel):
    """Failures, by path."""

    failures: list[FailureForm]
    next: str | None


class SessionRequest(_Request):
    """A token, as `deltaclip token` prints it."""

    token: str = Field(max_length=200)


class SessionAnswer(BaseModel):
    """What the client may do."""

    needs_token: bool = Field(description="Nothing may be asked before a token was sent")
    scopes: list[Literal["read", "index"]]
