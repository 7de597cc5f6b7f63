"""Tokens: how they are kept, who may do what with one, and the command that makes them."""

import hashlib
import json
import os
import socket
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltaclip.durable import one_writer
from deltaclip.serve import Tokens
from deltaclip.serve.rates import Failures, Rate, peer_key
from deltaclip.serve.sessions import SESSION_SECONDS, Sessions
from deltaclip.serve.tokens import TokenError
from tests.cli.calls import Call
from tests.cli.conftest import deltaclip

__all__ = ["deltaclip"]


class Clock:
    """A clock that stands until it is set."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_only_the_digest_of_a_token_is_kept_in_a_file_of_the_user_alone(tokens: Tokens) -> None:
    token, text = tokens.new("phone", ["read"])
    content = tokens.file.read_text()
    assert text not in content
    assert hashlib.sha256(text.encode()).hexdigest() in content
    assert tokens.file.stat().st_mode & 0o777 == 0o600
    assert len(text) == len("deltaclip_") + 43
    assert tokens.matching(text) == token


@given(st.text(max_size=80))
def test_any_other_text_matches_no_token(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        tokens = Tokens(Path(folder) / "tokens.json")
        tokens.new(None, ["read"])
        assert tokens.matching(text) is None


def test_tokens_without_a_name_are_numbered_and_a_name_is_given_once(tokens: Tokens) -> None:
    names = [tokens.new(name, ["read"])[0].name for name in (None, None, "phone")]
    assert names == ["token-1", "token-2", "phone"]
    with pytest.raises(TokenError, match="there is a token of that name"):
        tokens.new("phone", ["read"])


def test_what_one_process_adds_and_removes_a_different_one_sees(tokens: Tokens) -> None:
    running = Tokens(tokens.file)
    assert running.all() == ()
    _, text = tokens.new("phone", ["read"])
    assert running.matching(text) is not None
    tokens.remove("phone")
    assert running.matching(text) is None


@pytest.mark.parametrize(
    "content", ["{", '{"format": 9, "tokens": []}', '{"format": 1, "tokens": [{"name": "x"}]}', "[]"]
)
def test_no_token_is_accepted_of_a_damaged_file(tokens: Tokens, content: str, caplog: pytest.LogCaptureFixture) -> None:
    _, text = tokens.new("phone", ["read"])
    tokens.file.write_text(content)
    assert tokens.matching(text) is None
    assert "no token is accepted" in caplog.text
    with pytest.raises(TokenError):
        tokens.new("other", ["read"])
    assert tokens.file.read_text() == content


@pytest.mark.skipif(os.name != "posix", reason="modes of files")
def test_a_file_that_others_may_write_is_not_trusted(tokens: Tokens) -> None:
    _, text = tokens.new("phone", ["read"])
    tokens.file.chmod(0o666)
    with pytest.raises(TokenError, match="other users may write"):
        Tokens(tokens.file).all()
    assert Tokens(tokens.file).matching(text) is None


def test_two_do_not_write_at_once(tokens: Tokens) -> None:
    tokens.new("phone", ["read"])
    with (
        one_writer(tokens.file.with_name("tokens.json.lock"), lambda process: AssertionError()),
        pytest.raises(TokenError, match="is changing it") as raised,
    ):
        tokens.new("other", ["read"])
    assert raised.value.refused


def test_a_session_ends_after_12_hours_and_with_its_token(tokens: Tokens) -> None:
    clock = Clock()
    sessions = Sessions(tokens, clock)
    phone, _ = tokens.new("phone", ["read"])
    one, other = sessions.begin(phone), sessions.begin(phone)
    assert one != other
    assert sessions.token_of(one) == phone
    sessions.end(one)
    assert sessions.token_of(one) is None
    clock.now += SESSION_SECONDS + 1
    assert sessions.token_of(other) is None
    third = sessions.begin(phone)
    tokens.remove("phone")
    assert sessions.token_of(third) is None


def test_wrong_tries_lock_for_a_minute_then_for_two_then_for_four() -> None:
    clock = Clock()
    failures = Failures(clock=clock)
    waits = []
    for _ in range(3):
        for _ in range(9):
            failures.count("a")
            assert not failures.wait_seconds("a")
        failures.count("a")
        waits.append(failures.wait_seconds("a"))
        clock.now += waits[-1]
    assert waits == [60.0, 120.0, 240.0]
    assert not failures.wait_seconds("b")


def test_a_few_wrong_tries_over_the_day_lock_nobody_out() -> None:
    clock = Clock()
    failures = Failures(clock=clock)
    for _ in range(50):
        failures.count("a")
        clock.now += 30
        assert not failures.wait_seconds("a")


def test_a_rate_lets_a_burst_through_and_then_so_many_a_second() -> None:
    clock = Clock()
    rate = Rate(per_second=10, burst=5, clock=clock)
    assert [rate.wait_seconds("a") for _ in range(6)] == [0, 0, 0, 0, 0, 0.1]
    assert not rate.wait_seconds("b")
    clock.now += 0.1
    assert not rate.wait_seconds("a")
    assert rate.wait_seconds("a") > 0


def test_peers_are_counted_by_address_and_ipv6_by_network() -> None:
    assert peer_key("203.0.113.9") == peer_key("::ffff:203.0.113.9") == "203.0.113.9"
    assert peer_key("2001:db8::1") == peer_key("2001:db8::2") != peer_key("2001:db8:0:1::1")
    assert peer_key("testclient") == "testclient"


def test_the_command_shows_a_token_once_and_lists_and_removes_it(deltaclip: Call, tokens: Tokens) -> None:
    code, out, err = deltaclip("token", "new", "phone", "--scope", "index")
    assert code == 0
    token = tokens.matching(str(out).strip())
    assert token is not None
    assert (token.name, token.scopes) == ("phone", ("read", "index"))
    assert "not shown again" in err
    code, listed, _ = deltaclip("token", "list", "--json")
    assert isinstance(listed, dict)
    assert [each["name"] for each in listed["tokens"]] == ["phone"]
    assert token.digest not in json.dumps(listed)
    assert deltaclip("token", "remove", "phone")[0] == 0
    assert deltaclip("token", "remove", "phone")[0] == 1
    assert tokens.all() == ()


@pytest.mark.parametrize(
    "words", [("remove",), ("list", "phone"), ("list", "--scope", "read"), ("new", "--scope", "all")]
)
def test_the_command_refuses_what_makes_no_sense(deltaclip: Call, words: tuple[str, ...]) -> None:
    assert deltaclip("token", *words)[0] == 2


@pytest.mark.parametrize("options", [("--host", "0.0.0.0"), ("--host", "::"), ("--allow-host", "videos.example")])
def test_serve_refuses_to_be_reached_by_others_without_a_token(
    deltaclip: Call, tmp_path: Path, options: tuple[str, ...]
) -> None:
    code, out, err = deltaclip("serve", "--library", tmp_path / "library", *options)
    assert (code, out) == (3, "")
    assert "there is no token yet. Make one with: deltaclip token new" in err


def test_serve_and_mcp_say_what_to_install_and_serve_that_its_port_is_taken(
    deltaclip: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, _, err = deltaclip("serve", "--library", tmp_path / "library", "--port", taken.getsockname()[1])
    assert code == 1
    assert "cannot listen there (Address already in use)" in err
    monkeypatch.setattr("deltaclip.cli.serving.PACKAGES", ("a_package_that_is_nowhere",))
    for command in ("serve", "mcp"):
        code, _, err = deltaclip(command)
        assert code == 1
        assert "(a_package_that_is_nowhere). Install them with: pip install 'deltaclip[serve]'" in err


@pytest.mark.parametrize("options", [("--allow-index",), ("--root", "videos")])
def test_mcp_indexes_only_if_it_may_and_knows_where(deltaclip: Call, options: tuple[str, ...]) -> None:
    assert deltaclip("mcp", *options)[0] == 2
