"""A whole evaluation: the protocol is a record, and its marks are in every form of the result."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from deltaclip.captions import Caption, CaptionSet, Split
from deltaclip.encoder import Encoder, EncoderSpec, TorchEngine
from deltaclip.errors import CaptionError
from deltaclip.evaluation.encoding import MaterialVectors
from deltaclip.evaluation.evaluation import Evaluation, best_of, evaluate_material, post_processing
from deltaclip.evaluation.material import Material
from deltaclip.evaluation.postprocess import DualSoftmax
from deltaclip.evaluation.protocol import protocol_of
from deltaclip.evaluation.runs import read_ranks
from deltaclip.evaluation.scored import query_names, save_ranks, save_trec
from deltaclip.evaluation.tables import TABLE_FORMATS
from deltaclip.model import HeadSizes, load_checkpoint, with_temporal_head
from tests.helpers import small_checkpoint
from tests.siglip import siglip_folder

TEXTS = ("red", "blue", "a square", "a circle", "moves")
OWNER = np.array([0, 1, 2, 2, 1])


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    folder = small_checkpoint(tmp_path_factory.mktemp("e") / "small", motion="difference")
    return Encoder.load(folder, EncoderSpec(device="cpu", precision="float32"))


def vectors(missing: tuple[str, ...] = (), missing_texts: int = 0, videos: int = 4) -> MaterialVectors:
    """Four videos, of which the last has no text, and five texts that lie where their video does."""
    names = tuple(f"v{number}" for number in range(videos))
    paths = tuple(Path(name) for name in names)
    material = Material("d", "test", names, paths, TEXTS, OWNER, missing, missing_texts)
    rows = np.eye(videos, 16, dtype=np.float32)
    return MaterialVectors(material, rows[OWNER], rows, {"static": 3}, np.full(videos, 0.25), cut_texts=1)


def document(evaluation: Evaluation, name: str) -> str:
    return "\n".join(TABLE_FORMATS[name](evaluation))


def test_the_protocol_holds_what_the_figures_depend_on(encoder: Encoder) -> None:
    protocol = evaluate_material(encoder, vectors()).protocol.to_json()
    expected = {
        "dataset": "d",
        "split": "test",
        "videos": 4,
        "captions": 5,
        "missing": 0,
        "missing_captions": 0,
        "cut_captions": 1,
        "max_words": 12,
        "num_frames": 4,
        "sampling": "uniform",
        "preprocessing": "clip",
        "motion": "difference",
        "pooling": "mean",
        "precision": "float32",
        "device": "cpu",
        "post": "none",
        "encoder": encoder.name,
        "fingerprint": encoder.fingerprint,
        "marks": [],
        "seed": None,
        "chosen_on": None,
        "broken": 0,
        "world": None,
    }
    assert {name: protocol[name] for name in expected} == expected
    assert set(protocol) == {*expected, "version", "commit", "chosen_among", "keep", "interaction"}


def test_the_protocol_tells_a_temporal_head_and_a_family_that_sees_the_whole_picture(tmp_path: Path) -> None:
    checkpoint = load_checkpoint(small_checkpoint(tmp_path / "small"))
    headed = TorchEngine(with_temporal_head(checkpoint.model, HeadSizes(1, 12), seed=0), "cpu", "float32")
    with_head = Encoder("headed", headed, checkpoint.tokenizer)
    siglip = Encoder.load(siglip_folder(tmp_path / "siglip"), EncoderSpec(device="cpu", precision="float32"))
    told = [protocol_of(each, vectors()) for each in (with_head, siglip)]
    assert [(each.preprocessing, each.pooling) for each in told] == [
        ("clip", "temporal head, then mean"),
        ("squash", "mean"),
    ]


def test_texts_and_videos_may_differ_in_number_and_a_video_without_text_is_a_distractor(encoder: Encoder) -> None:
    result = evaluate_material(encoder, vectors()).to_json()
    assert (result["t2v"]["queries"], result["v2t"]["queries"]) == (5, 3)
    assert result["t2v"]["R1"] == result["v2t"]["R1"] == 100
    assert result["intervals"]["t2v"]["R1"] == [pytest.approx(100 * 0.025 ** (1 / 3)), 100]  # three of three videos
    assert result["coverage"] == 0.25


def test_a_permuted_gallery_gives_the_same_figures(encoder: Encoder) -> None:
    rng = np.random.default_rng(0)
    texts, videos = (rng.normal(size=(count, 16)).astype(np.float32) for count in (5, 4))
    plain = replace(vectors(), texts=texts, videos=videos)
    order = rng.permutation(4)
    place = np.argsort(order)
    names = plain.material.videos
    gallery = replace(plain.material, videos=tuple(names[number] for number in order), owner=place[OWNER])
    permuted = replace(plain, videos=videos[order], material=gallery)
    figures = [evaluate_material(encoder, one).retrieval.to_json() for one in (plain, permuted)]
    assert figures[0] == figures[1]
    assert figures[0]["t2v"]["R1"] < 100


@pytest.mark.parametrize("form", sorted(TABLE_FORMATS))
def test_marks_stand_in_every_form(encoder: Encoder, form: str) -> None:
    plain = evaluate_material(encoder, vectors())
    assert "note" not in document(plain, form).replace("notes", "")
    assert "intervals over 3 videos are too narrow" in document(plain, form)
    marked = evaluate_material(encoder, vectors(("w1", "w2"), 7), DualSoftmax())
    text = document(best_of([plain, marked, marked]), form)
    assert "3 encoders on test" in text
    text = document(replace(marked, protocol=marked.protocol.chosen("test", 3)), form)
    for mark in ("dsl (temperature 100)", "2 of 6 videos missing, with 7 of 12 captions", "best of 3 encoders on test"):
        assert mark in text


@pytest.mark.parametrize("form", ["markdown", "latex"])
def test_marks_are_part_of_the_row_itself(encoder: Encoder, form: str) -> None:
    marked = evaluate_material(encoder, vectors(("w",), 1), DualSoftmax())
    row = next(line for line in TABLE_FORMATS[form](marked) if "100.0" in line and not line.startswith("%"))
    assert "dsl" in row
    assert "1 of 5 videos missing" in row


def test_a_row_of_latex_has_intervals_of_all_recalls_and_a_short_name(encoder: Encoder) -> None:
    plain = evaluate_material(encoder, vectors())
    long = replace(plain, protocol=replace(plain.protocol, encoder="/home/me/runs/my-b16/"))
    row = TABLE_FORMATS["latex"](long)[-1]
    assert row.startswith("my-b16 & ")
    assert row.count(r"{\scriptsize [") == 6
    assert any("/home/me/runs/my-b16/" in line for line in TABLE_FORMATS["latex"](long) if line.startswith("%"))


def test_names_cannot_break_a_row(encoder: Encoder) -> None:
    plain = evaluate_material(encoder, vectors())
    odd = replace(plain, protocol=replace(plain.protocol, encoder="a_b|c & 50%\n"))
    assert r"a\_b\|c & 50% " in TABLE_FORMATS["markdown"](odd)[2]
    assert TABLE_FORMATS["latex"](odd)[-1].startswith(r"a\_b|c \& 50\% ")
    assert all(len(line.splitlines()) == 1 for form in TABLE_FORMATS for line in TABLE_FORMATS[form](odd)[:3])


def test_the_best_of_several_is_marked_and_tells_the_others(encoder: Encoder) -> None:
    good = evaluate_material(encoder, vectors())
    wrong = replace(vectors(), videos=vectors().videos[::-1].copy())
    bad = evaluate_material(encoder, wrong)
    best = best_of([bad, good])
    assert best.retrieval.t2v.R1 == 100
    assert (best.protocol.chosen_on, best.protocol.chosen_among) == ("test", 2)
    assert [one["R1"] for one in best.to_json()["candidates"]] == [bad.retrieval.t2v.R1, 100]
    assert best_of([good]) is good


def test_missing_videos_are_listed_with_their_reason(encoder: Encoder) -> None:
    found = replace(vectors(("w1", "w2"), 7), broken={"w2": "damaged"})
    assert evaluate_material(encoder, found).to_json()["missing"] == [
        {"video": "w1", "reason": "no such file"},
        {"video": "w2", "reason": "damaged"},
    ]


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ((), "4 of 8 videos missing, with 7 of 12 captions"),
        (("w2", "w3", "w4"), "4 of 8 videos left out (1 missing, 3 broken), with 7 of 12 captions"),
        (("w1", "w2", "w3", "w4"), "4 of 8 videos broken, with 7 of 12 captions"),
    ],
)
def test_missing_and_broken_videos_are_told_apart(encoder: Encoder, broken: tuple[str, ...], said: str) -> None:
    found = replace(vectors(("w1", "w2", "w3", "w4"), 7), broken=dict.fromkeys(broken, "damaged"))
    evaluation = evaluate_material(encoder, found)
    protocol = evaluation.protocol.to_json()
    assert (protocol["missing"], protocol["broken"], protocol["marks"]) == (4, len(broken), [said])
    assert all(said in document(evaluation, form) for form in TABLE_FORMATS)


def test_the_bank_of_qbnorm_is_the_training_captions_and_nothing_else(encoder: Encoder) -> None:
    train = Split(("a",), (Caption("red", "a"), Caption("blue", "a")))
    captions = CaptionSet("d", {"train": train, "test": train}, ())
    post = post_processing("qbnorm", encoder, captions, "test")
    assert post is not None
    assert post.to_json()["bank_texts"] == 2
    with pytest.raises(CaptionError, match="and no others"):
        post_processing("qbnorm", encoder, captions, "train")
    with pytest.raises(CaptionError, match="captions of the split train"):
        post_processing("qbnorm", encoder, CaptionSet("d", {"test": train}, ()), "test")


def test_queries_are_named_by_their_video_and_their_place_among_its_texts() -> None:
    assert query_names(("v0", "v1", "v2"), OWNER) == ("v0#0", "v1#0", "v2#0", "v2#1", "v1#1")


def test_ranks_and_runs_can_be_read_again(encoder: Encoder, tmp_path: Path) -> None:
    evaluation = evaluate_material(encoder, vectors(("w",), 1))
    save_ranks(tmp_path / "ranks.jsonl", evaluation)
    saved = read_ranks(tmp_path / "ranks.jsonl")
    assert saved.ranks.tolist() == [1, 1, 1, 1, 1]
    assert saved.texts == TEXTS
    assert saved.candidates is not None
    assert saved.candidates[4][0] == ("v1", 1.0)
    assert saved.protocol["marks"] == ["1 of 5 videos missing, with 1 of 6 captions"]
    judgements = save_trec(tmp_path / "run", evaluation)
    assert (tmp_path / "run").read_text().splitlines()[0] == "v0#0 Q0 v0 1 1 deltaclip"
    assert judgements.read_text().splitlines()[4] == "v1#1 0 v1 1"
