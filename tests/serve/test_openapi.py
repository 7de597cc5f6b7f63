"""The OpenAPI document, and the server held against it: Schemathesis invents requests, right and wrong ones."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings

from deltaclip.serve import ServeSpec, make_app
from tests.serve.conftest import Drawn
from tests.serve.live import LiveServer

STARTS_WORK = ("start_index", "start_demo", "retry_failure", "watch_job")
"""Tested by themselves."""
DOCUMENT = make_app(ServeSpec()).openapi()
OPERATIONS: dict[str, Any] = {}  # Schemathesis' own kind
for found in schemathesis.openapi.from_dict(DOCUMENT).get_all_operations():
    operation = found.ok()  # type: ignore[union-attr]  # raises if the document is wrong
    OPERATIONS[operation.definition.raw["operationId"]] = operation
FEW = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
HELD_AGAINST: list[Any] = [  # Schemathesis' own kinds
    schemathesis.checks.CHECKS.get_one(name)
    for name in (
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
    )
]


@pytest.fixture(scope="module")
def live(drawn: Drawn) -> Iterator[LiveServer]:
    """A server in a process of its own."""
    with LiveServer.over(drawn.library) as server:
        yield server


@pytest.mark.parametrize("name", sorted(OPERATIONS.keys() - set(STARTS_WORK)))
def test_whatever_is_sent_gets_what_the_document_says(name: str, live: LiveServer) -> None:
    @given(case=OPERATIONS[name].as_strategy())
    @FEW
    def held(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(base_url=live.url.rstrip("/"), checks=HELD_AGAINST)

    held()


def test_every_operation_has_a_name_and_tells_its_problems(drawn: Drawn) -> None:
    document = make_app(ServeSpec([drawn.library])).openapi()
    operations = [each for path in document["paths"].values() for each in path.values()]
    names = [each["operationId"] for each in operations]
    assert len(set(names)) == len(names) > 20
    for each in operations:
        assert each.get("summary") or each.get("description"), each["operationId"]
        assert "application/problem+json" in each["responses"]["default"]["content"], each["operationId"]
    assert "example" in document["components"]["schemas"]["ProblemForm"]


def test_the_document_is_what_the_server_gives(over_drawn: TestClient) -> None:
    assert over_drawn.get("/openapi.json").json()["info"]["title"] == "deltaclip"
