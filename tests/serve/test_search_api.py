"""Searching over HTTP: hits, pages of them, and what is refused."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from deltaclip import Encoder, Library
from deltaclip.serve import ServeSpec
from tests.library.fakes import Shelf
from tests.serve.conftest import Drawn, Open

PROBLEM = "application/problem+json"


def asked(client: TestClient, **body: object) -> dict[str, Any]:
    response = client.post("/v1/search", json=body)
    assert response.status_code == 200, response.text
    return dict(response.json())


def all_pages(client: TestClient, **body: object) -> list[str]:
    """The ids of all hits, page after page."""
    ids, cursor = [], None
    while True:
        page = asked(client, **body, cursor=cursor)
        ids += [hit["moment_id"] for hit in page["hits"]]
        if (cursor := page["next"]) is None:
            return ids


def test_a_text_finds_the_drawn_clip_in_which_the_object_moves(over_drawn: TestClient, drawn: Drawn) -> None:
    found = asked(over_drawn, text=drawn.questions[0], limit=3)
    best = found["hits"][0]
    assert best["name"] == "shapes_0001.mp4"
    assert best["path"] == str(drawn.videos / "shapes_0001.mp4")
    assert (best["start_seconds"], best["end_seconds"], best["relevance"]) == (0.0, 2.0, "high")
    assert not found["matches_nothing"]
    for url in ("thumbnail_url", "outlined_thumbnail_url", "stream_url"):
        assert over_drawn.get(best[url]).status_code == 200


def test_the_server_gives_what_the_library_gives(over_fakes: TestClient, shelf: Shelf) -> None:
    for number in range(6):
        shelf.write(f"{number}.mp4", f"s{number} 3")
    shelf.library.index([shelf.videos])
    wanted = shelf.library.search("s2 1", 10)
    found = asked(over_fakes, text="s2 1", limit=10, fold=False)["hits"]
    assert [hit["moment_id"] for hit in found] == [hit.id for hit in wanted]
    assert [hit["score"] for hit in found] == [hit.score for hit in wanted]
    assert [hit["video_id"] for hit in found] == [hit.video_id for hit in wanted]


def test_pages_together_are_the_whole_answer(over_fakes: TestClient, shelf: Shelf) -> None:
    for number in range(30):
        shelf.write(f"{number:02}.mp4", f"s{number} 2")
    shelf.library.index([shelf.videos])
    wanted = [hit.id for hit in shelf.library.search("s2 1", 100)]
    assert all_pages(over_fakes, text="s2 1", limit=7, fold=False) == wanted
    assert len(wanted) == 60


def test_a_cursor_goes_on_while_the_index_grows(over_fakes: TestClient, shelf: Shelf) -> None:
    for number in range(20):
        shelf.write(f"{number:02}.mp4", f"s{number} 1")
    shelf.library.index([shelf.videos])
    before = [hit.id for hit in shelf.library.search("x 0", 100)]
    first = asked(over_fakes, text="x 0", limit=5, fold=False)
    shelf.write("new.mp4", "x 1")  # is what is asked: it comes before all others from now on
    shelf.library.index([shelf.videos])
    second = asked(over_fakes, text="x 0", limit=5, fold=False, cursor=first["next"])
    assert [hit["moment_id"] for hit in [*first["hits"], *second["hits"]]] == before[:10]


def test_a_cursor_goes_on_after_the_server_began_anew(
    over_fakes: TestClient, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        shelf.write(f"{number:02}.mp4", f"s{number} 1")
    shelf.library.index([shelf.videos])
    before = [hit.id for hit in shelf.library.search("x 0", 100)]
    first = asked(over_fakes, text="x 0", limit=5, fold=False)
    desk = over_fakes.app.state.deltaclip.desk  # type: ignore[attr-defined]
    desk._answers.clear()  # as a server that began anew
    shelf.write("new.mp4", "x 1")
    shelf.library.index([shelf.videos])
    second = asked(over_fakes, text="x 0", limit=5, fold=False, cursor=first["next"])
    assert [hit["moment_id"] for hit in second["hits"]] == before[5:10]


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"text": "another 1"}, 400, "invalid_value"),
        ({"cursor": "e30"}, 400, "invalid_value"),
        ({"cursor": "not base64 \u00e9"}, 400, "invalid_value"),
    ],
)
def test_a_cursor_of_something_else_is_refused(
    over_fakes: TestClient, shelf: Shelf, change: Mapping[str, object], status: int, code: str
) -> None:
    for number in range(9):
        shelf.write(f"{number}.mp4", f"s{number} 1")
    shelf.library.index([shelf.videos])
    first = asked(over_fakes, text="x 0", limit=3)
    body = {"text": "x 0", "limit": 3, "cursor": first["next"], **change}
    response = over_fakes.post("/v1/search", json=body)
    assert (response.status_code, response.json()["code"]) == (status, code)


def test_a_cursor_of_other_vectors_is_gone(over_fakes: TestClient, shelf: Shelf) -> None:
    for number in range(9):
        shelf.write(f"{number}.mp4", f"s{number} 1")
    shelf.library.index([shelf.videos])
    first = asked(over_fakes, text="x 0", limit=3)
    served = next(iter(over_fakes.app.state.deltaclip.shelf))  # type: ignore[attr-defined]
    real = served.made_by()
    object.__setattr__(real, "fingerprint", "of a different encoder")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(served), "made_by", lambda self: real)
        response = over_fakes.post("/v1/search", json={"text": "x 0", "limit": 3, "cursor": first["next"]})
    assert (response.status_code, response.json()["code"]) == (410, "gone")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "give one of text, moment_id and upload_id"),
        ({"text": "a", "moment_id": "1.0"}, "give one of text, moment_id and upload_id"),
        ({"moment_id": "1.0", "min_relevance": "low"}, "min_relevance is for a text only"),
        ({"text": "  "}, "the text is empty"),
        ({"text": "a", "limit": 0}, "limit"),
        ({"text": "a", "limit": 201}, "limit"),
        ({"text": "a", "limt": 3}, "limt"),
        ({"text": "a" * 2001}, "text"),
        ({"text": "a", "by": "colour"}, "by"),
        ({"text": "a", "where": {"longer_seconds": -1}}, "longer_seconds"),
    ],
)
def test_a_request_of_a_different_form_is_a_problem_that_names_the_member(
    over_fakes: TestClient, body: Mapping[str, object], words: str
) -> None:
    response = over_fakes.post("/v1/search", json=body)
    assert (response.status_code, response.headers["content-type"]) == (422, PROBLEM)
    told = response.json()
    assert told["code"] == "invalid_request"
    assert words in told["detail"]


def test_values_that_no_moment_can_fit_are_a_problem(over_fakes: TestClient, shelf: Shelf) -> None:
    shelf.write("a.mp4", "a 1")
    shelf.library.index([shelf.videos])
    body = {"text": "a 0", "where": {"longer_seconds": 9, "shorter_seconds": 3}}
    response = over_fakes.post("/v1/search", json=body)
    assert (response.status_code, response.json()["code"]) == (400, "invalid_value")
    assert "no video lasts" in response.json()["detail"]


def test_filters_let_through_what_they_say(over_fakes: TestClient, shelf: Shelf) -> None:
    shelf.write("a.mp4", "a 1")
    shelf.write("b.mov", "b 3")
    shelf.library.index([shelf.videos])
    assert {hit["name"] for hit in asked(over_fakes, text="a 0", where={"glob": "*.mov"})["hits"]} == {"b.mov"}
    assert {hit["name"] for hit in asked(over_fakes, text="a 0", where={"shorter_seconds": 20})["hits"]} == {"a.mp4"}
    assert asked(over_fakes, text="a 0", where={"after": "2999-01-01"})["hits"] == []


def test_motion_words_are_told_and_none_is_a_problem_by_motion_alone(over_fakes: TestClient, shelf: Shelf) -> None:
    shelf.write("a.mp4", "a 1")
    shelf.library.index([shelf.videos])
    assert asked(over_fakes, text="a 0 moving b 0")["motion_words"] == ["moving b 0"]
    response = over_fakes.post("/v1/search", json={"text": "a 0", "by": "motion"})
    assert (response.status_code, response.json()["code"]) == (400, "no_motion_words")


def test_least_relevance_leaves_out_what_is_less(over_drawn: TestClient, drawn: Drawn) -> None:
    everything = asked(over_drawn, text=drawn.questions[0], limit=12)["hits"]
    some = asked(over_drawn, text=drawn.questions[0], limit=12, min_relevance="high")["hits"]
    assert [hit["moment_id"] for hit in some] == [hit["moment_id"] for hit in everything if hit["relevance"] == "high"]
    assert 0 < len(some) < len(everything)


def test_nothing_matches_nonsense(over_drawn: TestClient) -> None:
    assert asked(over_drawn, text="zzyzx qwrt")["matches_nothing"]


def test_moments_like_one_leave_it_out(over_fakes: TestClient, shelf: Shelf) -> None:
    for name in ("a", "b", "c"):
        shelf.write(f"{name}.mp4", f"{name} 2")
    shelf.library.index([shelf.videos])
    best = asked(over_fakes, text="b 1", limit=1)["hits"][0]
    like = asked(over_fakes, moment_id=best["moment_id"], limit=10)["hits"]
    url = f"/v1/videos/{best['video_id']}/similar?moment_id={best['moment_id']}&limit=10"
    assert [hit["moment_id"] for hit in like] == [hit["moment_id"] for hit in over_fakes.get(url).json()["hits"]]
    assert best["moment_id"] not in [hit["moment_id"] for hit in like]
    assert len(like) == 5


@pytest.mark.parametrize("by", ["appearance", "motion"])
def test_copies_are_one_hit_however_they_were_asked_for(
    drawn: Drawn, open_server: Open, tmp_path: Path, by: str
) -> None:
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        shutil.copy(drawn.videos / "shapes_0004.mp4", tmp_path / name)
    with Library.open(tmp_path / "library", Encoder.load("shapes"), create=True) as library:
        library.index([tmp_path])
    client = open_server(ServeSpec([tmp_path / "library"]))
    moment = asked(client, text="red", fold=False)["hits"][0]
    content = (tmp_path / "a.mp4").read_bytes()
    sent = client.post("/v1/uploads", content=content, headers={"content-type": "video/mp4"}).json()
    for question, copies in (({"upload_id": sent["upload_id"]}, 3), ({"moment_id": moment["moment_id"]}, 2)):
        folded = asked(client, **question, by=by)["hits"]
        assert [len(hit["folded"]) for hit in folded] == [copies - 1]
        assert len(asked(client, **question, by=by, fold=False)["hits"]) == copies
    similar = f"/v1/videos/{moment['video_id']}/similar?moment_id={moment['moment_id']}&by={by}"
    assert [len(client.get(f"{similar}&fold={fold}").json()["hits"]) for fold in (True, False)] == [1, 2]


def test_a_moment_that_is_gone_says_so(over_fakes: TestClient, shelf: Shelf) -> None:
    shelf.write("a.mp4", "a 1")
    shelf.library.index([shelf.videos])
    response = over_fakes.post("/v1/search", json={"moment_id": "77.0"})
    assert (response.status_code, response.json()["code"]) == (410, "gone")


def test_every_moment_of_a_video_is_scored(over_fakes: TestClient, shelf: Shelf) -> None:
    shelf.write("a.mp4", "a 4")
    shelf.write("b.mp4", "b 4")
    shelf.library.index([shelf.videos])
    video = next(row for row in shelf.library.videos() if row.path.name == "a.mp4")
    told = over_fakes.get(f"/v1/videos/{video.id}/scores", params={"text": "a 2"}).json()["moments"]
    assert [row["start_seconds"] for row in told] == [0.0, 15.0, 30.0, 45.0]
    assert max(told, key=lambda row: row["score"])["start_seconds"] == 30.0


def test_a_picture_that_is_sent_finds_the_clip_it_is_of(over_drawn: TestClient, drawn: Drawn) -> None:
    hit = asked(over_drawn, text=drawn.questions[0], limit=1)["hits"][0]
    picture = over_drawn.get(hit["thumbnail_url"]).content
    sent = over_drawn.post("/v1/uploads", content=picture, headers={"content-type": "image/jpeg"})
    assert (sent.status_code, sent.json()["kind"]) == (201, "image")
    found = asked(over_drawn, upload_id=sent.json()["upload_id"], limit=3)
    # Of its twins, which show the same objects, a still picture cannot tell it.
    assert found["hits"][0]["name"] in ("shapes_0000.mp4", "shapes_0001.mp4", "shapes_0002.mp4")
    more = asked(over_drawn, upload_id=sent.json()["upload_id"], limit=3, cursor=found["next"])
    assert not {hit["moment_id"] for hit in found["hits"]} & {hit["moment_id"] for hit in more["hits"]}
    assert over_drawn.delete(f"/v1/uploads/{sent.json()['upload_id']}").status_code == 204
    response = over_drawn.post("/v1/search", json={"upload_id": sent.json()["upload_id"]})
    assert (response.status_code, response.json()["code"]) == (410, "gone")


def test_a_clip_that_is_sent_finds_itself(over_drawn: TestClient, drawn: Drawn) -> None:
    clip = (drawn.videos / "shapes_0004.mp4").read_bytes()
    sent = over_drawn.post("/v1/uploads", content=clip, headers={"content-type": "video/mp4"}).json()
    for by in ("appearance", "motion"):
        assert asked(over_drawn, upload_id=sent["upload_id"], by=by)["hits"][0]["name"] == "shapes_0004.mp4"


@pytest.mark.parametrize(
    ("content", "kind", "status", "code"),
    [
        (b"x", "text/html", 415, "unsupported_media"),
        (b"", "image/png", 400, "invalid_value"),
    ],
)
def test_what_cannot_be_searched_with_is_refused(
    over_drawn: TestClient, content: bytes, kind: str, status: int, code: str
) -> None:
    response = over_drawn.post("/v1/uploads", content=content, headers={"content-type": kind})
    assert (response.status_code, response.json()["code"]) == (status, code)


def test_a_file_that_is_no_picture_is_a_problem_without_its_place(over_drawn: TestClient) -> None:
    sent = over_drawn.post("/v1/uploads", content=b"no picture", headers={"content-type": "image/png"}).json()
    response = over_drawn.post("/v1/search", json={"upload_id": sent["upload_id"]})
    assert (response.status_code, response.json()["code"]) == (422, "unreadable_video")
    assert "deltaclip-uploads" not in response.text


def test_an_empty_library_says_what_to_do(open_server: Open, tmp_path: Path) -> None:
    client = open_server(ServeSpec([tmp_path / "nothing"]))
    response = client.post("/v1/search", json={"text": "a dog"})
    assert (response.status_code, response.json()["code"]) == (409, "nothing_indexed")
    assert client.get("/v1/library").json()["created"] is False
    assert client.get("/readyz").status_code == 200
