"""How good retrieval is: protocols and their results."""

from deltaclip.evaluation.result import RetrievalResult, evaluate_vectors
from deltaclip.evaluation.similarity import evaluate_similarity

__all__ = ["RetrievalResult", "evaluate_similarity", "evaluate_vectors"]
