"""Who may come in, from where, how much at once; and what every answer carries."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from fastapi.testclient import TestClient

from deltaclip.serve import ServeSpec, Tokens, make_app
from deltaclip.serve.hosts import Names, host_name, is_loopback
from tests.serve.conftest import Drawn

HOST = "videos.example"
Visit = Callable[..., TestClient]


@pytest.fixture
def visit(drawn: Drawn, tokens: Tokens) -> Iterator[Visit]:
    """A client of a different machine, of a server that is called videos.example and has a token `phone`."""
    tokens.new("phone", ["read"])
    app = make_app(ServeSpec([drawn.library], roots=[drawn.videos.parent], allow_hosts=[HOST]))
    with ExitStack() as stack:
        stack.enter_context(TestClient(app))

        def client(token: str | None = None, peer: str = "203.0.113.9", base: str = f"https://{HOST}") -> TestClient:
            headers = {} if token is None else {"Authorization": f"Bearer {token}"}
            return TestClient(app, base, headers=headers, client=(peer, 9), raise_server_exceptions=False)

        yield client


def code_of(response: Any) -> tuple[int, str]:  # Any: of httpx
    return response.status_code, response.json()["code"]


def test_a_visitor_without_a_token_sees_the_page_and_nothing_of_a_library(visit: Visit) -> None:
    client = visit()
    for path in ("/v1/libraries", "/v1/videos", "/v1/videos/1/stream", "/v1/jobs", "/metrics", "/openapi.json", "/mcp"):
        assert code_of(client.get(path)) == (401, "unauthorized"), path
    assert code_of(client.post("/v1/search", json={"text": "x"})) == (401, "unauthorized")
    assert client.get("/").status_code == client.get("/healthz").status_code == 200
    assert client.get("/v1/session").json() == {"needs_token": True, "scopes": []}


def test_who_may_read_sees_no_paths_and_may_not_index(visit: Visit, tokens: Tokens, drawn: Drawn) -> None:
    client = visit(tokens.new("reader", ["read"])[1])
    answer = client.post("/v1/search", json={"text": drawn.questions[0]})
    assert answer.json()["hits"][0]["path"] is None
    assert str(drawn.videos) not in answer.text + client.get("/v1/videos").text + client.get("/v1/library").text
    assert code_of(client.post("/v1/jobs/index", json={"paths": ["/"]})) == (403, "forbidden")
    assert client.get("/v1/session").json() == {"needs_token": False, "scopes": ["read"]}


def test_a_session_of_the_page_is_a_cookie_that_no_script_reads(visit: Visit, tokens: Tokens) -> None:
    _, text = tokens.new("page", ["read", "index"])
    client = visit()
    begun = client.post("/v1/session", json={"token": text}, headers={"Origin": f"https://{HOST}"})
    cookie = begun.headers["set-cookie"]
    assert begun.status_code == 204
    assert text not in cookie
    for part in ("HttpOnly", "SameSite=strict", "Path=/", "Secure", "Max-Age=43200"):
        assert part in cookie
    assert client.get("/v1/session").json()["scopes"] == ["read", "index"]
    kept = dict(client.cookies)
    assert client.delete("/v1/session").status_code == 204
    client.cookies.update(kept)
    assert client.get("/v1/libraries").status_code == 401


def test_removing_a_token_ends_its_session_at_once(visit: Visit, tokens: Tokens) -> None:
    client = visit()
    client.post("/v1/session", json={"token": tokens.new("page", ["read"])[1]})
    assert client.get("/v1/libraries").status_code == 200
    tokens.remove("page")
    assert client.get("/v1/libraries").status_code == 401


def test_a_thousand_wrong_tokens_are_not_looked_at_and_lock_out_nobody_else(visit: Visit, tokens: Tokens) -> None:
    _, right = tokens.new("right", ["read"])
    client = visit()
    codes = [
        client.get("/v1/libraries", headers={"Authorization": f"Bearer deltaclip_{number:043}"}).status_code
        for number in range(1000)
    ]
    assert codes == [401] * 10 + [429] * 990
    locked = client.post("/v1/session", json={"token": right})
    assert code_of(locked) == (429, "too_many_requests")
    assert 0 < int(locked.headers["retry-after"]) <= 60
    assert visit(right, peer="203.0.113.10").get("/v1/libraries").status_code == 200
    assert visit(peer="203.0.113.10").get("/v1/session").status_code == 200


def test_behind_a_proxy_on_this_machine_who_is_locked_out_is_who_the_proxy_saw(visit: Visit, tokens: Tokens) -> None:
    proxy = visit(peer="127.0.0.1")
    for _ in range(11):
        proxy.get("/v1/jobs", headers={"Authorization": "Bearer x", "X-Forwarded-For": "198.51.100.1"})
    right = {"Authorization": f"Bearer {tokens.new('right', ['read'])[1]}"}
    assert proxy.get("/v1/jobs", headers={**right, "X-Forwarded-For": "198.51.100.1"}).status_code == 429
    assert proxy.get("/v1/jobs", headers={**right, "X-Forwarded-For": "198.51.100.2"}).status_code == 200


@pytest.fixture
def slow_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the requests of a visitor: only the burst, whatever time the test takes."""
    monkeypatch.setattr("deltaclip.serve.admission.PER_SECOND", 0.001)


def test_who_asks_too_much_waits_and_a_page_never_does(slow_rate: None, visit: Visit, tokens: Tokens) -> None:
    client = visit(tokens.new("reader", ["read"])[1])
    codes = {client.get("/v1/jobs").status_code for _ in range(900)}
    assert codes == {200}
    codes = {client.get("/v1/jobs").status_code for _ in range(200)}
    assert codes == {200, 429}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"X-Forwarded-For": "198.51.100.1"}, 401),
        ({"Via": "1.1 proxy"}, 401),
        ({"Host": "localhost:9000"}, 200),
        ({"Host": "evil.example"}, 421),
        ({"Host": "127.0.0.1.evil.example"}, 421),
        ({"Host": ""}, 421),
        ({"Host": "127.0.0.1@evil.example"}, 421),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": "Basic eDp5"}, 401),
        ({"Cookie": "deltaclip_session_8765=guessed"}, 200),
    ],
)
def test_only_who_calls_this_machine_from_this_machine_needs_no_token(
    over_drawn: TestClient, headers: dict[str, str], status: int
) -> None:
    assert over_drawn.get("/v1/libraries", headers=headers).status_code == status


def test_a_peer_of_a_different_machine_is_no_owner_whatever_it_calls_itself(drawn: Drawn) -> None:
    with TestClient(make_app(ServeSpec([drawn.library])), "http://localhost:8765", client=("203.0.113.9", 9)) as client:
        assert client.get("/v1/libraries").status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:3000"},
        {"Origin": "http://127.0.0.1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_page_of_a_different_site_can_ask_nothing(over_drawn: TestClient, headers: dict[str, str]) -> None:
    assert code_of(over_drawn.post("/v1/search", json={"text": "x"}, headers=headers)) == (403, "forbidden")
    assert code_of(over_drawn.get("/v1/jobs/1/events", headers=headers)) == (403, "forbidden")
    answer = over_drawn.options("/v1/search", headers={**headers, "Access-Control-Request-Method": "POST"})
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_link_elsewhere_may_lead_to_the_page_and_to_nothing_else(over_drawn: TestClient) -> None:
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert over_drawn.get("/", headers=link).status_code == 200
    assert over_drawn.get("/v1/videos/1/stream", headers=link).status_code == 403
    assert over_drawn.get("/", headers={**link, "Sec-Fetch-Dest": "iframe"}).status_code == 403
    own = {"Origin": "http://127.0.0.1:8765", "Sec-Fetch-Site": "same-origin"}
    assert over_drawn.post("/v1/search", json={"text": "x"}, headers=own).status_code == 200


def test_every_answer_carries_the_headers_that_protect_it(over_drawn: TestClient, visit: Visit) -> None:
    paths = ("/", "/static/none.js", "/v1/libraries", "/v1/videos/1/stream", "/v1/nothing", "/healthz", "/openapi.json")
    answers = [over_drawn.get(path) for path in paths] + [visit().get("/v1/jobs"), over_drawn.put("/v1/jobs")]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self';")
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "no-store" in answer.headers["cache-control"] or "no-cache" in answer.headers["cache-control"]
    assert over_drawn.get("/v1/libraries").headers["cache-control"] == "no-store"


def test_an_unforeseen_error_is_a_problem_with_the_same_headers_and_no_words_of_ours(
    visit: Visit, tokens: Tokens, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(self: object) -> None:
        raise RuntimeError("/home/me/secret broke")

    client = visit(tokens.new("reader", ["read"])[1])
    monkeypatch.setattr("deltaclip.serve.jobs.Jobs.all", broken)
    answer = client.get("/v1/jobs")
    assert code_of(answer) == (500, "internal")
    assert "secret" not in answer.text
    assert "x-frame-options" in answer.headers
    assert "/home/me/secret broke" in caplog.text


@pytest.mark.parametrize("place", ["/v1/libraries?token={}", "/v1/libraries?a={}", "/v1/videos/{}", "/?access_token=x"])
def test_a_token_in_an_address_is_refused_with_what_to_do(over_drawn: TestClient, tokens: Tokens, place: str) -> None:
    answer = over_drawn.get(place.format(tokens.new("phone", ["read"])[1]))
    assert code_of(answer) == (400, "token_in_url")
    assert "deltaclip token remove" in answer.json()["detail"]


def test_too_long_addresses_too_many_headers_and_too_large_bodies_are_refused(over_drawn: TestClient) -> None:
    assert code_of(over_drawn.get("/v1/videos?folder=" + "a" * 9000)) == (414, "uri_too_long")
    assert code_of(over_drawn.get("/", headers={f"X-{n}": "1" for n in range(101)})) == (431, "headers_too_large")
    assert code_of(over_drawn.get("/", headers={"X-Big": "a" * 40_000})) == (431, "headers_too_large")
    for content in (b"a" * 70_000, iter([b"a" * 1000] * 70)):
        answer = over_drawn.post("/v1/search", content=content, headers={"Content-Type": "application/json"})
        assert code_of(answer) == (413, "too_large")
        assert answer.headers["connection"] == "close"


def test_names_of_a_server() -> None:
    everywhere = Names("0.0.0.0")
    assert everywhere.has("192.0.2.7", listening="192.0.2.7")
    assert not everywhere.has("192.0.2.8", listening="192.0.2.7")
    assert not everywhere.has("evil.example", listening="192.0.2.7")
    assert Names("127.0.0.1").is_local
    assert not Names("127.0.0.1", ["videos.example"]).is_local
    assert Names("127.0.0.1", ["Videos.Example."]).has("videos.example", listening=None)
    assert [is_loopback(each) for each in ("::1", "127.9.9.9", "LocalHost", "::ffff:127.0.0.1")] == [True] * 4
    assert [is_loopback(each) for each in ("", "0.0.0.0", "::", "10.0.0.1", "localhost.evil.example")] == [False] * 5
    assert host_name("[::1]:8765") == "::1"
    assert host_name("a b") is host_name("") is host_name("x:1:2") is None
