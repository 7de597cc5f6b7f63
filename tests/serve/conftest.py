"""Servers for tests: over fake videos for what is asked often, over drawn clips for what has to be seen."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
from fastapi.testclient import TestClient

from deltaclip import Encoder, Library
from deltaclip.serve import ServeSpec, Tokens, make_app
from deltaclip.shapes import draw_demo
from tests.library.fakes import Shelf

PORT = 8765
Open = Callable[[ServeSpec], TestClient]
Stranger = Callable[..., TestClient]


@pytest.fixture(autouse=True)
def tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tokens:
    """The tokens of servers in this test: none yet, and not those of the user."""
    monkeypatch.setenv("DELTACLIP_TOKENS", str(tmp_path / "tokens.json"))
    return Tokens()


@pytest.fixture
def open_server() -> Iterator[Open]:
    """A client of a server with these settings, until the test ends."""
    with ExitStack() as stack:

        def opened(spec: ServeSpec) -> TestClient:
            return stack.enter_context(TestClient(make_app(spec), f"http://127.0.0.1:{PORT}", client=("127.0.0.1", 9)))

        yield opened


@dataclass(frozen=True)
class Drawn:
    """A library of drawn clips, their folder, and a question about each third of them."""

    library: Path
    videos: Path
    questions: tuple[str, ...]


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    """The clips of the demo, indexed once for all tests that only read."""
    folder = tmp_path_factory.mktemp("drawn")
    questions = tuple(draw_demo(folder / "videos"))
    with Library.open(folder / "library", Encoder.load("shapes"), create=True) as library:
        library.index([folder / "videos"])
    return Drawn(folder / "library", folder / "videos", questions)


@pytest.fixture
def over_drawn(drawn: Drawn, open_server: Open) -> TestClient:
    """A client of a server over the drawn clips, which may index below their folder."""
    return open_server(ServeSpec([drawn.library], roots=[drawn.videos.parent]))


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    """Fake videos with their library, in which nothing is indexed yet."""
    shelf = Shelf(tmp_path)
    yield shelf
    shelf.library.close()


@pytest.fixture
def over_fakes(shelf: Shelf, open_server: Open, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """A client of a server over fake videos, which are read and encoded by fakes."""
    monkeypatch.setattr("deltaclip.serve.shelf.Library", SimpleNamespace(open=lambda address: shelf.open()))
    return open_server(ServeSpec([shelf.library_path]))


@pytest.fixture
def stranger(drawn: Drawn, tokens: Tokens) -> Iterator[Stranger]:
    """A reader on a different machine, who has a token and may not see paths."""
    with ExitStack() as stack:

        def client(*libraries: Path, scopes: tuple[str, ...] = ("read",)) -> TestClient:
            text = tokens.new(None, list(scopes))[1]  # type: ignore[arg-type]
            roots = [] if libraries else [drawn.videos]
            spec = ServeSpec(list(libraries) or [drawn.library], host="0.0.0.0", roots=roots)
            headers = {"Authorization": f"Bearer {text}"}
            opened = TestClient(make_app(spec), "http://127.0.0.1:8765", headers=headers, client=("203.0.113.9", 9))
            return stack.enter_context(opened)

        yield client
