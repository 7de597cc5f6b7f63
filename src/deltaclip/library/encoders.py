"""Whose vectors a library holds, and who may search them or write beside them: the same rules for every store."""

from typing import TYPE_CHECKING

from deltaclip.errors import LibraryError
from deltaclip.library.results import RememberedEncoder, RememberedMotionEncoder
from deltaclip.provenance import VECTOR_VERSION

if TYPE_CHECKING:  # store imports nothing of this file, and the encoder imports torch
    from deltaclip.encoder import MotionEncoder
    from deltaclip.library.protocols import MotionVectorEncoder, VectorEncoder
    from deltaclip.library.store import Store

__all__ = ["bundled_motion_encoder", "keeps_motion", "outdated_reason", "require_same_encoder", "require_same_encoders"]
__all__ += ["require_same_motion"]


def require_same_encoder(
    address: str,
    stored: RememberedEncoder | None,
    has_moments: bool,
    wanted: RememberedEncoder,
    *,
    renewing: bool = False,
) -> None:
    """Raises LibraryError if the vectors are those of a different encoder: scores between two mean nothing.

    Without any vector a library takes whatever encoder comes. renewing: whether those of the same encoder in an older
    deltaclip pass, because they are not compared with new ones but replaced.
    """
    if stored is None or stored.fingerprint == wanted.fingerprint or not has_moments:
        return
    if stored.vector_version is not None and stored.vector_version > VECTOR_VERSION:
        found = f"its vectors are of version {stored.vector_version}, and this deltaclip makes version {VECTOR_VERSION}"
        raise LibraryError(address, found, "Use the newer deltaclip, or give a different folder.")
    is_asked_for = _same_options(stored, wanted)
    if stored.outdated is None and is_asked_for:
        raise LibraryError(
            address,
            f"made by {_words(stored)}, and {wanted.name} has different weights or settings now (fingerprint "
            f"{wanted.fingerprint})",
            "Bring back what it was then, or index into a new folder: vectors of two encoders cannot be compared.",
        )
    if stored.outdated is None or not is_asked_for:
        raise LibraryError(
            address,
            f"made by {_words(stored)}, not by {_words(wanted)}",
            "Leave out --encoder, --motion, --keep, --fast and --precision (in Python, the encoder) to use the "
            "library's own, or give a different folder.",
        )
    if not renewing:
        remedy = (
            "Run `deltaclip index` again with the same folders, which replaces them; videos that are missing now stay "
            "known, and are indexed when they are back."
        )
        raise LibraryError(address, stored.outdated, remedy)


def _same_options(stored: RememberedEncoder, wanted: RememberedEncoder) -> bool:
    """Whether the same choices were made; libraries of format 2 did not write all of them down."""
    always = all(
        getattr(stored, name) == getattr(wanted, name) for name in ("name", "motion", "num_frames", "precision", "keep")
    )
    return always and all(getattr(stored, name) in (None, getattr(wanted, name)) for name in ("sampling", "max_words"))


def require_same_encoders(store: "Store", encoder: "VectorEncoder", motion: "MotionVectorEncoder | None") -> None:
    """Raises LibraryError unless new vectors of these two can be compared with all that a store has."""
    wanted = RememberedEncoder.of(encoder)
    require_same_encoder(store.address, store.encoder(), store.has_moments(), wanted)
    if motion is not None and (stored := store.motion_encoder()) is not None:
        require_same_motion(store.address, stored, RememberedMotionEncoder.of(motion))


def require_same_motion(
    address: str, stored: RememberedMotionEncoder | None, wanted: RememberedMotionEncoder | None
) -> None:
    """Raises LibraryError if there are no motion vectors, or those of a different motion encoder.

    wanted: who made the query, None for a vector of this very library.
    """
    again = "Run `deltaclip index` again with the same folders: their files are read again for it."
    if stored is None:
        raise LibraryError(address, "its moments have no motion vectors", again)
    if wanted is not None and stored.fingerprint != wanted.fingerprint:
        found = (
            f"its motion vectors were made by the motion encoder {stored.name} (fingerprint {stored.fingerprint}), not "
            f"by {wanted.name} as it is now (fingerprint {wanted.fingerprint})"
        )
        raise LibraryError(address, found, again)


def keeps_motion(store: "Store", wanted: bool | None) -> bool:
    """Whether `index` gives moments motion vectors: as asked for, else as the library was made, which is with them
    unless somebody chose otherwise.

    Raises LibraryError if motion vectors that there are would be lost.
    """
    if wanted is None:
        return not store.declines_motion()
    if not wanted and any(row.num_motion for row in store.videos()):
        remedy = "Leave motion_words=False (--no-motion-words) out, or index into a new folder."
        raise LibraryError(store.address, "its moments have motion vectors, which would be lost", remedy)
    return wanted


def bundled_motion_encoder() -> "MotionEncoder":
    """The motion encoder of libraries that remember none."""
    from deltaclip.encoder import MotionEncoder

    return MotionEncoder.load()


def outdated_reason(stored: RememberedEncoder | None) -> str | None:
    """Why videos of a library wait to be indexed again: its vectors are of an older version. None if they are not."""
    return None if stored is None or stored.outdated is None else f"{stored.outdated}. Index it again."


def _words(encoder: RememberedEncoder) -> str:
    """An encoder in an error message, with everything that tells two of one name apart."""
    masks = f"masks {encoder.motion}" if encoder.motion else "no masks"
    sampling = f", {encoder.sampling} sampling" if encoder.sampling not in (None, "uniform") else ""
    tokens = f", texts of up to {encoder.max_words} tokens" if encoder.max_words is not None else ""
    precision = "" if encoder.precision is None else f" in {encoder.precision}"
    kept = "" if encoder.keep is None else f", {100 * encoder.keep:.3g}% of the patches"
    return (
        f"the encoder {encoder.name}{precision} with {masks} and {encoder.num_frames} frames{sampling}{kept}{tokens} "
        f"(fingerprint {encoder.fingerprint})"
    )
