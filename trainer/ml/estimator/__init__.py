"""The Estimator: a model apart from what trains it, and both apart from what evaluates or serves it."""

from trainer.ml.estimator import summaries
from trainer.ml.estimator.checkpoints import BrokenCheckpoint
from trainer.ml.estimator.config import RunConfig
from trainer.ml.estimator.estimator import Estimator
from trainer.ml.estimator.evaluating import EarlyStopping, EvalSpec, TrainSpec, train_and_evaluate
from trainer.ml.estimator.exporters import BestExporter, Exporter, FinalExporter, Goal, LatestExporter
from trainer.ml.estimator.exports import publish_copy
from trainer.ml.estimator.hooks import Hook, Step
from trainer.ml.estimator.metrics import measure
from trainer.ml.estimator.optimizers import Lbfgs, minimize
from trainer.ml.estimator.predictor import ServedModel, from_saved_model
from trainer.ml.estimator.running import global_step, private_variables, trainable_variables
from trainer.ml.estimator.spec import EstimatorSpec, ModeKeys
from trainer.ml.estimator.variables import VariableMismatch
from trainer.ml.estimator.warm_start import WarmStart

__all__ = [
    "BestExporter",
    "BrokenCheckpoint",
    "EarlyStopping",
    "Estimator",
    "EstimatorSpec",
    "EvalSpec",
    "Exporter",
    "FinalExporter",
    "Goal",
    "Hook",
    "LatestExporter",
    "Lbfgs",
    "ModeKeys",
    "RunConfig",
    "ServedModel",
    "Step",
    "TrainSpec",
    "VariableMismatch",
    "WarmStart",
    "from_saved_model",
    "global_step",
    "measure",
    "minimize",
    "private_variables",
    "publish_copy",
    "summaries",
    "train_and_evaluate",
    "trainable_variables",
]
