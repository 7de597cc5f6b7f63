"""Many files to clips: read ahead by watched child processes, in order, in bounded memory; a bad file costs itself."""

from deltaclip.pipeline.pipeline import Job, Pipeline, single, usual_workers
from deltaclip.pipeline.stages import STAGES, Stages

__all__ = ["STAGES", "Job", "Pipeline", "Stages", "single", "usual_workers"]
