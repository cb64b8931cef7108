"""Estimators that stay for the next training of the same form, with all that they have traced.

To trace the programs of a training takes longer than to run them on a few documents. What differs from one training of
a project to the next is mostly how long its texts are and what words they have: values of variables, of any length.
"""

from collections import OrderedDict
from pathlib import Path

from trainer.ml.estimator import Estimator, RunConfig
from trainer.ml.inputs import of_any_length
from trainer.ml.model import Model, ModelParams, model_fn

_KEPT = 2  # for an owner: of the form that there is, and of the one before it
SAVE_SECONDS = 10.0


class Estimators:
    """Those of one owner, for one training at a time. Programs hold labels, which are nobody else's business."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Estimator] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def of(self, work: Path, params: ModelParams) -> Estimator:
        """One that begins anew in the directory `work`, or goes on from what is there."""
        config = RunConfig(
            seed=None, save_checkpoints_secs=SAVE_SECONDS, graphs_as_traced=True, traced_for=of_any_length
        )
        found = self._known.pop(params.form, None)
        if found is None:
            found = Estimator(model_fn, work, params, config)
        else:
            found.begin_anew(work, params, config, Model)
        self._known[params.form] = found
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return found
