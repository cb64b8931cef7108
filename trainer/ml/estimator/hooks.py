"""Hooks: what watches the steps of a training, an evaluation or a prediction."""

from dataclasses import dataclass


@dataclass
class Step:
    """What a hook sees after a step, and may ask for.

    number  in training the steps done in all checkpoints together; else the batches done in this call
    loss    of this step; None in prediction
    stop    set it to end the loop in good order
    """

    number: int
    loss: float | None
    stop: bool = False


class Hook:
    """Watches a loop. Override what you need; an exception from a hook ends the loop there and then."""

    def begin(self, step: int) -> None:
        """Called before the first step, with the number of steps already done."""

    def before_step(self, step: int) -> None:
        """Called before each step, with the number of steps already done."""

    def after_step(self, step: Step) -> None:
        """Called after each step; set `step.stop` to end the loop in good order."""

    def before_save(self, step: Step) -> None:
        """Called in training before a checkpoint is written of what the variables hold then."""

    def after_save(self, step: Step, path: str) -> None:
        """Called in training when a checkpoint was written; `step.stop` works here, too."""

    def end(self, step: int) -> None:
        """Called when the loop ended in good order, in training after the last checkpoint."""
