"""From similarity to ranks, and from ranks to figures that mean something, in bounded memory.

blocks             similarity as blocks of rows, cut so that the captions of one video stay together
ranks              the rules of ranking, both directions
any_true           queries with several right answers
metrics            R@K, nDCG@10, MdR, MnR
intervals          bootstrap over videos
paired_test        whether two rankings of the same queries differ
top_candidates     the best few candidates of each query
average_precision  of queries with several right answers
"""

from deltaclip.ranking.any_true import any_true_ranks
from deltaclip.ranking.ap import average_precision
from deltaclip.ranking.best import TopCandidates, top_candidates
from deltaclip.ranking.blocks import Block, Indices, first_nan, matrix_blocks, refuse_nan, row_blocks, similarity_blocks
from deltaclip.ranking.intervals import (
    Interval,
    bootstrap_intervals,
    bootstrap_means,
    bootstrap_replicates,
    percent_interval,
    percentile_interval,
    rank_intervals,
)
from deltaclip.ranking.metrics import Metrics, compute_metrics, sum_of_recalls
from deltaclip.ranking.paired_test import Comparison, Difference, compare_ranks
from deltaclip.ranking.ranks import Ranking, Ranks, rank_blocks, rank_matrix

__all__ = [
    "Block",
    "Comparison",
    "Difference",
    "Indices",
    "Interval",
    "Metrics",
    "Ranking",
    "Ranks",
    "TopCandidates",
    "any_true_ranks",
    "average_precision",
    "bootstrap_intervals",
    "bootstrap_means",
    "bootstrap_replicates",
    "compare_ranks",
    "compute_metrics",
    "first_nan",
    "matrix_blocks",
    "percent_interval",
    "percentile_interval",
    "rank_blocks",
    "rank_intervals",
    "rank_matrix",
    "refuse_nan",
    "row_blocks",
    "similarity_blocks",
    "sum_of_recalls",
    "top_candidates",
]
