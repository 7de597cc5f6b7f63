"""Names with the same letters, composed differently."""

from pathlib import Path

import pytest

from deltaclip.errors import DeltaclipError
from deltaclip.names import matched, on_disk

NFC, NFD = "caf\u00e9", "cafe\u0301"


def test_a_name_means_itself_before_one_of_its_letters() -> None:
    assert matched([NFC, NFD, "a", "b"], [NFC, NFD, "a"]) == {NFC: NFC, NFD: NFD, "a": "a"}
    assert matched([NFD, "b"], [NFC, "b"]) == {NFD: NFC, "b": "b"}


def test_a_known_name_is_not_given_to_two() -> None:
    assert matched([NFC, NFD], [NFC]) == {NFC: NFC}
    assert matched([f"{NFC}{NFD}", f"{NFD}{NFC}"], [NFC + NFC]) == {}
    assert matched([NFC + NFD], [NFC + NFC, NFD + NFD]) == {}


def test_a_path_is_found_as_the_disk_spells_it(tmp_path: Path) -> None:
    (tmp_path / NFD).mkdir()
    (tmp_path / NFD / f"{NFD}.mp4").touch()
    assert on_disk(tmp_path / NFC / f"{NFC}.mp4") == tmp_path / NFD / f"{NFD}.mp4"
    assert on_disk(tmp_path / NFC / "none.mp4") == tmp_path / NFC / "none.mp4"
    (tmp_path / NFC).mkdir()
    assert on_disk(tmp_path / NFC / f"{NFC}.mp4") == tmp_path / NFC / f"{NFC}.mp4"


def test_two_files_of_the_same_letters_are_refused_by_name(tmp_path: Path) -> None:
    for name in (NFC + NFD, NFD + NFC):
        (tmp_path / name).touch()
    with pytest.raises(DeltaclipError) as caught:
        on_disk(tmp_path / (NFC + NFC))
    assert "caf\\xe9cafe\\u0301" in caught.value.found
    assert "cafe\\u0301caf\\xe9" in caught.value.found
