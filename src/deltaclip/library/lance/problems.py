"""What is wrong with the tables of a library as a whole."""

from collections import Counter
from collections.abc import Iterator

from deltaclip.library.lance.losses import readable_rows
from deltaclip.library.lance.state import LanceState
from deltaclip.wording import count

__all__ = ["table_problems"]

REMEDY = "Put back a copy of the library, or make a new one."


def table_problems(state: LanceState) -> Iterator[str]:
    """A sentence or more each. Reads all of both tables but the vectors."""
    records = state.records(columns=["path", "id", "num_segments"])
    known = {record["id"]: record["num_segments"] for record in records}
    if len(known) != len(records) or len({bytes(record["path"]) for record in records}) != len(records):
        yield f"its table of videos has some of them twice. {REMEDY}"
    if state.moments is None:
        return
    found = Counter(readable_rows(state.moments, ["video"])["video"].to_pylist())
    if strays := sum(number for video, number in found.items() if video not in known):
        yield f"its table of moments has {count(strays, 'moment')} of no video. {REMEDY}"
    width = state.moments.schema.field("vector").type.list_size
    if state.meta.encoder is None or width != state.meta.encoder.dimension:
        yield f"its vectors are not as long as those of its encoder. {REMEDY}"
