"""Small annotation files in the shape of the published ones."""

import json
from pathlib import Path
from typing import Any

import pytest

from deltaclip.captions import CaptionSet, load_captions
from deltaclip.errors import CaptionError

FIRST_SENTENCES = (("video2", " a man sp"), ("video0", "a dog  runs "), ("video2", "a man sp"), ("video1", "ça va"))


def write(folder: Path, **files: str | bytes | list[Any] | dict[str, Any]) -> Path:
    """Writes files into a folder; `__` in a name stands for a dot, `___` for a slash; lists and dicts become json."""
    for name, content in files.items():
        path = folder / name.replace("___", "/").replace("__", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        raw = content if isinstance(content, str | bytes) else json.dumps(content)
        path.write_bytes(raw if isinstance(raw, bytes) else raw.encode())
    return folder


def msrvtt_document(*sentences: tuple[str, str], videos: int = 4) -> dict[str, Any]:
    """MSRVTT_data.json: keys with spaces, `validate`, and sentences that are not grouped by video."""
    return {
        "info": {"year": "2016"},
        "videos": [
            {"video_id": f"video{number}", "start time": 1.5, "end time": 9.0, "split": "validate", "id": number}
            for number in range(videos)
        ],
        "sentences": [
            {"caption": text, "video_id": video, "sen_id": number}
            for number, (video, text) in enumerate(sentences or FIRST_SENTENCES)
        ],
    }


def texts(captions: CaptionSet, split: str) -> list[tuple[str, str]]:
    """Video and text of each query."""
    return [(caption.video, caption.text) for caption in captions.splits[split].captions or ()]


def refusal(dataset: str, annotations: Path) -> CaptionError:
    """The error with which these files are refused: it names a file and says what to do."""
    with pytest.raises(CaptionError) as caught:
        load_captions(dataset, annotations)
    assert str(annotations) in caught.value.what or dataset == "unknown"
    assert caught.value.remedy.endswith((".", "?"))
    return caught.value
