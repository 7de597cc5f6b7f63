"""Texts for SigLIP against transformers' own tokenizer, which needs sentencepiece, on a vocabulary trained here."""

from pathlib import Path
from typing import Any

import pytest
import tokenizers
from tokenizers import Regex, models, normalizers, pre_tokenizers
from transformers import SiglipTokenizer

from deltaclip.model import Tokenizer
from tests.docs.console import PAGES

SPECIAL = {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1}
ODD = (
    "The RED circle, moves!",
    "  a  dog's  fence;  ",
    "Ünïcode — naïve ﬁne ½ ①",
    "don't (stop) [now]",
    "1,000 x 2.5",
    "e-mail: a@b.c",
    "",
)


def test_ids_are_those_of_transformers(tmp_path: Path) -> None:
    pieces: Any = pytest.importorskip("sentencepiece", reason="sentencepiece is not installed")
    proto: Any = pytest.importorskip("sentencepiece.sentencepiece_model_pb2", reason="protobuf is not installed")
    lines = [line for page in sorted((PAGES / "docs").rglob("*.md")) for line in page.read_text("utf-8").splitlines()]
    (tmp_path / "lines.txt").write_text("\n".join(line.lower() for line in lines), encoding="utf-8")
    where = {"input": str(tmp_path / "lines.txt"), "model_prefix": str(tmp_path / "spiece")}
    pieces.SentencePieceTrainer.train(**where, vocab_size=1000, model_type="unigram", minloglevel=2, **SPECIAL)
    model = proto.ModelProto()
    model.ParseFromString((tmp_path / "spiece.model").read_bytes())

    # What the tokenizer.json of the hub holds: the same pieces and scores, and sentencepiece's own normalising.
    inner = tokenizers.Tokenizer(models.Unigram([(piece.piece, piece.score) for piece in model.pieces], unk_id=2))
    charsmap = normalizers.Precompiled(model.normalizer_spec.precompiled_charsmap)
    inner.normalizer = normalizers.Sequence([charsmap, normalizers.Replace(Regex(" {2,}"), " ")])
    inner.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    ours, theirs = Tokenizer(inner), SiglipTokenizer(str(tmp_path / "spiece.model"))
    texts = [*ODD, *(line[:200] for line in lines[::5])]
    assert [[*ids, 1] for ids in ours.encode(texts)] == [theirs(text)["input_ids"] for text in texts]
