"""The store that keeps a library as Lance tables, in a folder or on S3. Wants the extra `deltaclip[cluster]`."""

from deltaclip.library.lance.batches import Layout, MomentBatch, write_batch
from deltaclip.library.lance.compacting import CompactReport, compact_tables
from deltaclip.library.lance.meta import VectorWord
from deltaclip.library.lance.places import lance_address
from deltaclip.library.lance.store import LanceStore
from deltaclip.library.lance.writer import LanceWriter

__all__ = [
    "CompactReport",
    "LanceStore",
    "LanceWriter",
    "Layout",
    "MomentBatch",
    "VectorWord",
    "compact_tables",
    "lance_address",
    "write_batch",
]
