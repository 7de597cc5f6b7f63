"""How good retrieval is: protocols and their results."""

from deltaclip.evaluation.benchmark import Evaluation, evaluate_material, post_processing
from deltaclip.evaluation.encoding import encode_material
from deltaclip.evaluation.intervals import RetrievalIntervals, retrieval_intervals
from deltaclip.evaluation.material import material_of_split
from deltaclip.evaluation.result import RetrievalResult
from deltaclip.evaluation.shapes import evaluate_shapes
from deltaclip.evaluation.similarity import evaluate_matrix, evaluate_similarity
from deltaclip.evaluation.vector_cache import VectorCache

__all__ = [
    "Evaluation",
    "RetrievalIntervals",
    "RetrievalResult",
    "VectorCache",
    "encode_material",
    "evaluate_material",
    "evaluate_matrix",
    "evaluate_shapes",
    "evaluate_similarity",
    "material_of_split",
    "post_processing",
    "retrieval_intervals",
]
