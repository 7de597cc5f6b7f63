"""An index run over the nodes of a Ray cluster. Wants the extra `deltaclip[cluster]`."""

from typing import TYPE_CHECKING

from deltaclip.fronts import fetched

if TYPE_CHECKING:
    from deltaclip.cluster.indexing import ClusterReport, index_cluster, table_address
else:
    __getattr__, __dir__ = fetched(__name__, "deltaclip.cluster.indexing")

__all__ = ["ClusterReport", "index_cluster", "table_address"]
