"""The Estimator: a model apart from what trains it, and both apart from what evaluates or serves it."""

from . import summaries
from .checkpoints import BrokenCheckpoint
from .config import RunConfig
from .estimator import Estimator
from .evaluating import EarlyStopping, EvalSpec, TrainSpec, train_and_evaluate
from .exporters import BestExporter, Exporter, FinalExporter, Goal, LatestExporter
from .exports import publish_copy
from .hooks import Hook, Step
from .metrics import measure
from .optimizers import Lbfgs, minimize
from .predictor import ServedModel, from_saved_model
from .running import global_step, private_variables, trainable_variables
from .spec import EstimatorSpec, ModeKeys
from .variables import VariableMismatch
from .warm_start import WarmStart

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
