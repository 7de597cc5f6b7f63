"""What every test shares: no network, and the way to the reference data."""

import os
from collections.abc import Iterator
from pathlib import Path

import jaxtyping
import pytest
from hypothesis import settings

# A busy machine makes any example slow; what is too slow shows in the durations of a run.
settings.register_profile("deltaclip", deadline=None)
settings.load_profile("deltaclip")

os.environ["HF_HUB_OFFLINE"] = "1"  # before huggingface_hub is imported

DEFAULT_REAL_DATA = Path(__file__).parents[2] / "shared" / "data"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="also run the tests that take minutes")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--slow"):
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(pytest.mark.skip(reason="takes minutes: give --slow"))


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing is kept in the user's cache folder, nor taken from it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DELTACLIP_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of the reference data, or a skip that says what to set."""
    folder = Path(os.environ.get("DELTACLIP_REAL_DATA", DEFAULT_REAL_DATA))
    if not folder.is_dir():
        pytest.skip(f"no reference data at {folder}: set DELTACLIP_REAL_DATA")
    return folder


def pytest_report_header() -> str:
    """What multiplied: some faults of arithmetic are those of one processor."""
    from deltaclip.model.placement import this_processor

    return f"processor: {this_processor()}"


@pytest.fixture(scope="session")
def processor() -> str:
    """The processor that runs the tests, for messages."""
    from deltaclip.model.placement import this_processor

    return str(this_processor())


@pytest.fixture
def unchecked_types() -> Iterator[None]:
    """As users run it: the type checker of the tests would refuse what the program has to."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
