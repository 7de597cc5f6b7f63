"""How good retrieval is: protocols and their results."""

from deltaclip.evaluation.intervals import RetrievalIntervals, retrieval_intervals
from deltaclip.evaluation.result import RetrievalResult
from deltaclip.evaluation.similarity import evaluate_similarity

__all__ = [
    "RetrievalIntervals",
    "RetrievalResult",
    "evaluate_similarity",
    "retrieval_intervals",
]
