"""How good retrieval is: protocols and their results."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deltaclip.evaluation.action_evaluation import ActionEvaluation, encode_actions, evaluate_actions
    from deltaclip.evaluation.actions import NO_CLASS, ActionFigures, ActionVectors, action_figures, class_scores
    from deltaclip.evaluation.bootstrap import RetrievalIntervals, retrieval_intervals
    from deltaclip.evaluation.comparison import SHOWN_METRICS, Compared, compare_saved
    from deltaclip.evaluation.comparison_report import comparison_page
    from deltaclip.evaluation.encoding import MaterialVectors, encode_material
    from deltaclip.evaluation.evaluation import Evaluation, best_of, evaluate_material, post_processing
    from deltaclip.evaluation.interaction import (
        InteractionEvaluation,
        InteractionWord,
        by_interaction,
        encode_frame_rows,
        evaluate_interaction,
    )
    from deltaclip.evaluation.mask_report import MaskSummary, mask_sheet, report_page, summarise_masks
    from deltaclip.evaluation.material import Material, material_of_split, shapes_material
    from deltaclip.evaluation.moments import MomentEvaluation, evaluate_moments
    from deltaclip.evaluation.postprocess import DualSoftmax
    from deltaclip.evaluation.ranked_moments import MomentEncoders
    from deltaclip.evaluation.recorded import check_same_material, protocol_lines, protocol_marks
    from deltaclip.evaluation.result import RetrievalResult
    from deltaclip.evaluation.reversed import Opposites, ReversedEvaluation, evaluate_reversed
    from deltaclip.evaluation.runs import SavedRanks, read_ranks
    from deltaclip.evaluation.score_files import SCORE_SUFFIXES
    from deltaclip.evaluation.scored import query_names, save_ranks, save_scores, save_trec, saved_ranks
    from deltaclip.evaluation.segments import SegmentEvaluation, by_segments, encode_segments, evaluate_segments
    from deltaclip.evaluation.sentence_encoders import (
        TRACK_SPEC,
        SentenceEncoder,
        by_appearance,
        by_motion,
    )
    from deltaclip.evaluation.shapes import DEFAULT_CLIPS, DEFAULT_SEED, DEFAULT_WORLD, evaluate_shapes
    from deltaclip.evaluation.similarity import ScoresEvaluation, SplitToRank, evaluate_matrix, evaluate_similarity
    from deltaclip.evaluation.tables import TABLE_FORMATS, figure_lines
    from deltaclip.evaluation.vector_cache import VectorCache

__all__ = [
    "DEFAULT_CLIPS",
    "DEFAULT_SEED",
    "DEFAULT_WORLD",
    "NO_CLASS",
    "SCORE_SUFFIXES",
    "SHOWN_METRICS",
    "TABLE_FORMATS",
    "TRACK_SPEC",
    "ActionEvaluation",
    "ActionFigures",
    "ActionVectors",
    "Compared",
    "DualSoftmax",
    "Evaluation",
    "InteractionEvaluation",
    "InteractionWord",
    "MaskSummary",
    "Material",
    "MaterialVectors",
    "MomentEncoders",
    "MomentEvaluation",
    "Opposites",
    "RetrievalIntervals",
    "RetrievalResult",
    "ReversedEvaluation",
    "SavedRanks",
    "ScoresEvaluation",
    "SegmentEvaluation",
    "SentenceEncoder",
    "SplitToRank",
    "VectorCache",
    "action_figures",
    "best_of",
    "by_appearance",
    "by_interaction",
    "by_motion",
    "by_segments",
    "check_same_material",
    "class_scores",
    "compare_saved",
    "comparison_page",
    "encode_actions",
    "encode_frame_rows",
    "encode_material",
    "encode_segments",
    "evaluate_actions",
    "evaluate_interaction",
    "evaluate_material",
    "evaluate_matrix",
    "evaluate_moments",
    "evaluate_reversed",
    "evaluate_segments",
    "evaluate_shapes",
    "evaluate_similarity",
    "figure_lines",
    "mask_sheet",
    "material_of_split",
    "post_processing",
    "protocol_lines",
    "protocol_marks",
    "query_names",
    "read_ranks",
    "report_page",
    "retrieval_intervals",
    "save_ranks",
    "save_scores",
    "save_trec",
    "saved_ranks",
    "shapes_material",
    "summarise_masks",
]

_MODULES = {
    "action_evaluation": ("ActionEvaluation", "encode_actions", "evaluate_actions"),
    "actions": ("NO_CLASS", "ActionFigures", "ActionVectors", "action_figures", "class_scores"),
    "comparison": ("SHOWN_METRICS", "Compared", "compare_saved"),
    "comparison_report": ("comparison_page",),
    "encoding": ("MaterialVectors", "encode_material"),
    "evaluation": ("Evaluation", "best_of", "evaluate_material", "post_processing"),
    "interaction": (
        "InteractionEvaluation",
        "InteractionWord",
        "by_interaction",
        "encode_frame_rows",
        "evaluate_interaction",
    ),
    "mask_report": ("MaskSummary", "mask_sheet", "report_page", "summarise_masks"),
    "postprocess": ("DualSoftmax",),
    "material": ("Material", "material_of_split", "shapes_material"),
    "moments": ("MomentEvaluation", "evaluate_moments"),
    "ranked_moments": ("MomentEncoders",),
    "recorded": ("check_same_material", "protocol_lines", "protocol_marks"),
    "result": ("RetrievalResult",),
    "bootstrap": ("RetrievalIntervals", "retrieval_intervals"),
    "runs": ("SavedRanks", "read_ranks"),
    "reversed": ("Opposites", "ReversedEvaluation", "evaluate_reversed"),
    "score_files": ("SCORE_SUFFIXES",),
    "scored": ("query_names", "save_ranks", "save_scores", "save_trec", "saved_ranks"),
    "segments": ("SegmentEvaluation", "by_segments", "encode_segments", "evaluate_segments"),
    "sentence_encoders": ("TRACK_SPEC", "SentenceEncoder", "by_appearance", "by_motion"),
    "shapes": ("DEFAULT_CLIPS", "DEFAULT_SEED", "DEFAULT_WORLD", "evaluate_shapes"),
    "similarity": ("ScoresEvaluation", "SplitToRank", "evaluate_matrix", "evaluate_similarity"),
    "tables": ("TABLE_FORMATS", "figure_lines"),
    "vector_cache": ("VectorCache",),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> object:
    """Imports a module when one of its names is asked for: comparing files of ranks must not wait for torch."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
