"""An index run over a cluster: what the process does that was started by hand. It reads no video itself."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from deltaclip.checks import AnyPath
from deltaclip.cluster.listing import list_files
from deltaclip.library import (
    IndexProgress,
    IndexReport,
    Library,
    RememberedEncoder,
    RememberedMotionEncoder,
    VectorEncoder,
    full_address,
    local_folder,
    open_store,
)

__all__ = ["ClusterReport", "index_cluster", "table_address"]

LANCE = "lance://"


@dataclass(frozen=True, slots=True)
class ClusterReport:
    """report: as of `Library.index`. engine: how the encoders of the nodes ran, see `encoder.Engine.facts`."""

    report: IndexReport
    engine: Mapping[str, str]


def table_address(address: AnyPath) -> str:
    """The address of the library of a run: Lance tables, unless there is one of a different kind already."""
    full = full_address(address)
    is_plain = "://" not in full
    return f"{LANCE}{full}" if is_plain and not Library.exists(full) else full


def index_cluster(
    uris: Sequence[str],
    store: AnyPath,
    encoder: VectorEncoder,
    on_progress: Callable[[IndexProgress], None],
    *,
    ray_address: str | None = None,
    exclude: Sequence[str] = (),
    prune: bool = False,
) -> ClusterReport:
    """Brings a library up to date with files on this machine's disks and on S3, with the nodes of a Ray cluster.

    uris: paths, file:// or s3://, of files and folders; a path is read by every node, and has to be the same file on
    all. store: the address of the library, which is made if it is not there. encoder: which encoder the nodes load.
    ray_address: HOST:PORT of the cluster's head; None for a Ray of this machine only, while the run lasts.
    exclude: patterns, see `library.Exclusion`. prune: as in `Library.index`.

    Raises DeltaclipError for a storage or a cluster that cannot be reached, LibraryError for a library of a different
    encoder, LockedError while a different process writes to it.
    """
    from deltaclip.cluster.run import ClusterRun
    from deltaclip.cluster.starting import connected
    from deltaclip.cluster.workers import EncoderWanted

    address = table_address(store)
    listing = list_files(uris, local_folder(address), exclude)
    with connected(ray_address):
        with Library.open(address, encoder, create=True) as library:
            motion = RememberedMotionEncoder.of(library.motion_encoder) if library.keeps_motion else None
        opened = open_store(address, create=False)
        try:
            with opened.writing() as writer:
                remembered = RememberedEncoder.of(encoder)
                writer.remember(remembered, motion)
                wanted = EncoderWanted(remembered, motion)
                run = ClusterRun(opened, writer, wanted, encoder.reader_spec, listing, on_progress, prune=prune)
                return ClusterReport(run.run(), run.engine)
        finally:
            opened.close()
