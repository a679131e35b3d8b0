"""The one error tree of the pipeline: everything that it raises on purpose is a `PipelineError`.

The prompt language has a tree of its own (`newbie_pipeline.prompt.errors`). Nothing here imports
torch, so that a process that only forwards a render can name these errors too.
"""


class PipelineError(Exception):
    """Base class of every error that loading or rendering raises on purpose."""


class CheckpointError(PipelineError):
    """A checkpoint cannot be used; the message names the file and, where it has one, the key."""


class MissingFileError(CheckpointError):
    """A file of a checkpoint is not there."""


class AdapterError(PipelineError, ValueError):
    """A LoRA or LoKr file cannot be used; the message names the file and, where it has one, key."""


class ClassifierError(PipelineError):
    """An image classifier cannot be loaded or gives no answer; the message says why."""


class RenderInputError(PipelineError, ValueError):
    """A size, step count or other input is outside what the loaded model can draw."""


class NonFiniteLatentsError(PipelineError):
    """The latents became infinite or not a number; the message names the step."""


class RenderCancelled(PipelineError):
    """The caller asked to stop and the render ended at the next step."""


class RecipeError(PipelineError):
    """A picture carries no recipe that can be read."""


class MemoryPlanError(PipelineError, ValueError):
    """No memory plan fits, or a limit is not written as one; the message says what would do."""


class RenderMemoryError(PipelineError):
    """Memory ran out in a render, and again with the next plan; the message names the stage."""


class TrainingError(PipelineError):
    """A training cannot go on or cannot be resumed; the message says why."""


class TrainingStopped(PipelineError):
    """The caller asked to stop; the state is saved and the training can go on from it."""
