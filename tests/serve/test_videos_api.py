"""Videos over HTTP: lists, pictures, films and bytes."""

import io
import os
import shutil
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from deltaclip import Encoder, Library
from deltaclip.serve import ServeSpec
from tests.library.fakes import Shelf
from tests.serve.conftest import Drawn, Open


def video_id(client: TestClient, name: str) -> str:
    rows = client.get("/v1/videos", params={"limit": 1000}).json()["videos"]
    return str(next(row["video_id"] for row in rows if row["name"] == name))


def test_videos_come_in_pages_by_path(over_fakes: TestClient, shelf: Shelf) -> None:
    for number in range(7):
        shelf.write(f"{number}.mp4", f"s{number} 1")
    shelf.library.index([shelf.videos])
    names, cursor = [], None
    while True:
        page = over_fakes.get("/v1/videos", params={"limit": 3, **({"cursor": cursor} if cursor else {})}).json()
        names += [row["name"] for row in page["videos"]]
        if (cursor := page["next"]) is None:
            break
    assert names == [f"{number}.mp4" for number in range(7)]


def test_a_list_goes_on_while_videos_are_added_and_says_if_its_place_is_gone(
    over_fakes: TestClient, shelf: Shelf
) -> None:
    for name in "bcd":
        shelf.write(f"{name}.mp4", f"{name} 1")
    shelf.library.index([shelf.videos])
    cursor = over_fakes.get("/v1/videos", params={"limit": 1}).json()["next"]
    shelf.write("a.mp4", "a 1")
    shelf.library.index([shelf.videos])
    rest = over_fakes.get("/v1/videos", params={"limit": 9, "cursor": cursor}).json()["videos"]
    assert [row["name"] for row in rest] == ["c.mp4", "d.mp4"]
    shelf.library.remove([shelf.videos / "b.mp4"])
    response = over_fakes.get("/v1/videos", params={"limit": 9, "cursor": cursor})
    assert (response.status_code, response.json()["code"]) == (410, "gone")


def test_videos_are_listed_by_state_and_folder(over_fakes: TestClient, shelf: Shelf) -> None:
    shelf.write("here/a.mp4", "a 1")
    shelf.write("there/b.mp4", "b 2 damaged")
    shelf.write("there/c.mp4", "no")
    gone = shelf.write("d.mp4", "d 1")
    shelf.library.index([shelf.videos])
    gone.unlink()
    shelf.library.index([shelf.videos])

    def names(**asked: str) -> list[str]:
        return [row["name"] for row in over_fakes.get("/v1/videos", params=asked).json()["videos"]]

    assert names(state="indexed") == ["a.mp4"]
    assert names(state="damaged") == ["b.mp4"]
    assert names(state="failed") == ["c.mp4"]
    assert names(state="missing") == ["d.mp4"]
    assert names(folder=str(shelf.videos / "there")) == ["b.mp4", "c.mp4"]


def test_a_video_tells_what_its_file_holds(over_drawn: TestClient) -> None:
    told = over_drawn.get(f"/v1/videos/{video_id(over_drawn, 'shapes_0003.mp4')}").json()
    assert (told["status"], told["num_moments"], told["duration_seconds"]) == ("indexed", 1, 2.0)
    facts = told["facts"]
    assert (facts["codec"], facts["width"], facts["height"], facts["not_played"]) == ("h264", 160, 160, None)


def test_thumbnails_are_jpeg_of_the_width_asked_for_and_cached_by_their_tag(over_drawn: TestClient) -> None:
    url = f"/v1/videos/{video_id(over_drawn, 'shapes_0001.mp4')}/thumbnail?width=200"
    plain, outlined = over_drawn.get(url), over_drawn.get(f"{url}&outlined=1")
    with Image.open(io.BytesIO(plain.content)) as picture:
        assert (picture.format, picture.size) == ("JPEG", (200, 200))
    assert plain.content != outlined.content
    again = over_drawn.get(url, headers={"if-none-match": plain.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert over_drawn.get(url, headers={"if-none-match": '"else"'}).status_code == 200


def test_a_stream_takes_ranges(over_drawn: TestClient, drawn: Drawn) -> None:
    content = (drawn.videos / "shapes_0001.mp4").read_bytes()
    url = f"/v1/videos/{video_id(over_drawn, 'shapes_0001.mp4')}/stream"
    whole = over_drawn.get(url)
    assert (whole.status_code, whole.headers["content-type"], whole.content) == (200, "video/mp4", content)
    part = over_drawn.get(url, headers={"range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, content[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(content)}"
    end = over_drawn.get(url, headers={"range": "bytes=-50"})
    assert (end.status_code, end.content) == (206, content[-50:])
    beyond = over_drawn.get(url, headers={"range": f"bytes={len(content)}-"})
    assert beyond.status_code == 416


def test_a_clip_begins_at_its_start_and_is_downloaded_under_a_name_that_says_what_it_is(over_drawn: TestClient) -> None:
    url = f"/v1/videos/{video_id(over_drawn, 'shapes_0001.mp4')}/clip?start=0.5&end=1.5"
    response = over_drawn.get(f"{url}&download=1")
    assert response.headers["content-disposition"] == "attachment; filename*=UTF-8''shapes_0001%200.5-1.5%20s.mp4"
    with av.open(io.BytesIO(response.content), "r") as container:
        seconds = [frame.time for frame in container.decode(video=0)]
    assert seconds[0] == pytest.approx(0.0, abs=0.05)
    assert seconds[-1] == pytest.approx(1.0, abs=0.1)
    assert over_drawn.get(url).headers["content-disposition"].startswith("inline")


def test_motion_is_told_as_outlines_where_the_object_moves(over_drawn: TestClient) -> None:
    told = over_drawn.get(f"/v1/videos/{video_id(over_drawn, 'shapes_0001.mp4')}/motion?start=0&end=2").json()
    assert len(told["seconds"]) == len(told["outlines"]) == len(told["arrows"]) == 10
    points = np.array([point for frame in told["outlines"] for line in frame for point in line])
    assert len(points) > 20
    assert points.min() >= 0
    assert points.max() <= 1


@pytest.mark.parametrize("asked", ["start=0&end=600&per_second=5", "start=1&end=1", "start=3&end=4", "start=nan&end=1"])
def test_times_that_no_moment_has_are_a_problem(over_drawn: TestClient, asked: str) -> None:
    name = video_id(over_drawn, "shapes_0001.mp4")
    response = over_drawn.get(f"/v1/videos/{name}/motion?{asked}")
    if "600" in asked:  # beyond the end of the video: the whole video is told
        assert response.status_code == 200
    else:
        assert response.status_code in (400, 422)
        assert response.json()["code"] in ("invalid_value", "invalid_request")


def test_a_file_that_browsers_do_not_play_is_sent_as_a_film_of_the_moment(open_server: Open, tmp_path: Path) -> None:
    film = tmp_path / "videos" / "loop.gif"
    film.parent.mkdir()
    pictures = [Image.fromarray(np.full((48, 64, 3), 20 * number, np.uint8)) for number in range(8)]
    pictures[0].save(film, save_all=True, append_images=pictures[1:], duration=100)
    with Library.open(tmp_path / "library", Encoder.load("shapes"), create=True) as library:
        library.index([film])
    client = open_server(ServeSpec([tmp_path / "library"]))
    name = video_id(client, "loop.gif")
    assert "GIF" in client.get(f"/v1/videos/{name}").json()["facts"]["not_played"].upper()
    refused = client.get(f"/v1/videos/{name}/stream")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_playable")
    sent = client.get(f"/v1/videos/{name}/stream?start=0&end=0.5", follow_redirects=False)
    assert sent.status_code == 303
    film_sent = client.get(sent.headers["location"])
    with av.open(io.BytesIO(film_sent.content), "r") as container:
        assert container.streams.video[0].codec_context.name == "h264"


def test_a_file_that_has_changed_or_is_gone_is_not_shown(open_server: Open, drawn: Drawn, tmp_path: Path) -> None:
    shutil.copytree(drawn.videos, tmp_path / "videos")
    with Library.open(tmp_path / "library", Encoder.load("shapes"), create=True) as library:
        library.index([tmp_path / "videos"])
    client = open_server(ServeSpec([tmp_path / "library"]))
    changed, gone = video_id(client, "shapes_0001.mp4"), video_id(client, "shapes_0002.mp4")
    os.utime(tmp_path / "videos" / "shapes_0001.mp4", (1, 1))
    (tmp_path / "videos" / "shapes_0002.mp4").unlink()
    for name in (changed, gone):
        for what in ("stream", "thumbnail", "motion?start=0&end=1", "clip?start=0&end=1"):
            response = client.get(f"/v1/videos/{name}/{what}")
            assert (response.status_code, response.json()["code"]) == (410, "gone"), what
    assert client.get(f"/v1/videos/{gone}").json()["reason"].startswith("The file of this video is gone")


def test_a_link_out_of_the_roots_is_not_followed(open_server: Open, drawn: Drawn, tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "link.mp4").symlink_to(drawn.videos / "shapes_0001.mp4")
    with Library.open(tmp_path / "library", Encoder.load("shapes"), create=True) as library:
        library.index([inside / "link.mp4"])
    client = open_server(ServeSpec([tmp_path / "library"], roots=[inside]))
    response = client.get(f"/v1/videos/{video_id(client, 'link.mp4')}/stream")
    assert (response.status_code, response.json()["code"]) == (403, "forbidden")


def test_a_video_elsewhere_that_was_indexed_is_shown_whatever_the_roots_are(
    open_server: Open, drawn: Drawn, tmp_path: Path
) -> None:
    client = open_server(ServeSpec([drawn.library], roots=[tmp_path]))
    assert client.get(f"/v1/videos/{video_id(client, 'shapes_0001.mp4')}/stream").status_code == 200


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="file names are UTF-8 there")
def test_a_name_that_is_not_utf_8_is_escaped_in_every_answer(over_fakes: TestClient, shelf: Shelf) -> None:
    os.rename(shelf.write("a.mp4", "a 1"), os.fsencode(shelf.videos) + b"/caf\xe9.mp4")
    os.rename(shelf.write("b.mp4", "none"), os.fsencode(shelf.videos) + b"/b\xe9.mp4")
    shelf.library.index([shelf.videos])
    [hit] = over_fakes.post("/v1/search", json={"text": "a 0"}).json()["hits"]
    assert (hit["name"], hit["path"]) == ("caf\\xe9.mp4", f"{shelf.videos}/caf\\xe9.mp4")
    assert over_fakes.get(f"/v1/videos/{hit['video_id']}").json()["name"] == "caf\\xe9.mp4"
    assert len(over_fakes.get("/v1/videos").json()["videos"]) == 2
    [failure] = over_fakes.get("/v1/failures").json()["failures"]
    assert failure["name"] == "b\\xe9.mp4"


def test_a_library_that_was_replaced_is_opened_anew(open_server: Open, drawn: Drawn, tmp_path: Path) -> None:
    shutil.copytree(drawn.library, tmp_path / "library")
    client = open_server(ServeSpec([tmp_path / "library"]))
    assert client.get("/v1/library").json()["videos"] == 12
    shutil.move(tmp_path / "library", tmp_path / "old")
    assert client.get("/v1/library").json()["created"] is False
    with Library.open(tmp_path / "library", Encoder.load("shapes"), create=True) as library:
        library.index([drawn.videos / "shapes_0001.mp4"])
    assert client.get("/v1/library").json()["videos"] == 1
    [hit] = client.post("/v1/search", json={"text": drawn.questions[0]}).json()["hits"]
    assert hit["name"] == "shapes_0001.mp4"


def test_head_is_answered_as_get_without_a_body(over_drawn: TestClient) -> None:
    name = over_drawn.get("/v1/videos").json()["videos"][0]["name"]
    video = f"/v1/videos/{video_id(over_drawn, name)}"
    for path in (f"{video}/stream", f"{video}/clip?start=0&end=1", f"{video}/thumbnail", video, "/", "/v1/none"):
        whole, head = over_drawn.get(path), over_drawn.head(path)
        assert (head.status_code, head.content) == (whole.status_code, b"")
        assert whole.content
        for header in ("content-type", "content-length", "etag"):
            assert head.headers.get(header) == whole.headers.get(header)
