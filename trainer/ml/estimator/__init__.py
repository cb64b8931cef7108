"""The Estimator: a model apart from what trains it, and both apart from what evaluates or serves it."""

from trainer.ml.estimator.estimator import (
    Estimator,
    EstimatorSpec,
    Hook,
    ModeKeys,
    RunConfig,
    Step,
    publish_copy,
)
from trainer.ml.estimator.optimizers import Lbfgs, minimize
from trainer.ml.estimator.variables import VariableMismatch, private_variables, trainable_variables

__all__ = [
    "Estimator",
    "EstimatorSpec",
    "Hook",
    "Lbfgs",
    "ModeKeys",
    "RunConfig",
    "Step",
    "VariableMismatch",
    "minimize",
    "private_variables",
    "publish_copy",
    "trainable_variables",
]
