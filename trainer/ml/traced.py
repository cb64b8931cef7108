"""What one training has traced, for the next one of the same form.

To trace the programs of a training takes longer than to run them on a few documents. What differs from one training of
a project to the next is mostly how long its texts are and what words they have: values of variables, of any length.
"""

import gc
from pathlib import Path

from trainer.ml.estimator import Estimator, RunConfig
from trainer.ml.inputs import of_any_length
from trainer.ml.model import Model, ModelParams, model_fn

SAVE_SECONDS = 10.0


class Traced:
    """The Estimator of one owner's last training. Its programs hold labels, which are nobody else's business."""

    def __init__(self) -> None:
        self._form: str | None = None
        self._estimator: Estimator | None = None

    @property
    def anything(self) -> bool:
        """Whether there was a training."""
        return self._estimator is not None

    def estimator(self, work: Path, params: ModelParams) -> Estimator:
        """One that begins anew in the directory `work`, or goes on from what is there."""
        config = RunConfig(
            seed=None,
            save_checkpoints_secs=SAVE_SECONDS,
            save_input=False,  # the same batch again and again: there is nothing to make anew
            save_summary_steps=None,
            graphs_as_traced=True,
            traced_for=of_any_length,
        )
        if self._estimator is not None:
            if self._form == params.form:
                self._estimator.begin_anew(work, params, config, Model)
                return self._estimator
            self._estimator = None
            gc.collect()  # graphs hold one another, and those of before need no place beside new ones
        self._form, self._estimator = params.form, Estimator(model_fn, work, config, params)
        return self._estimator
