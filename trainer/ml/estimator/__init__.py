"""The Estimator: a model apart from what trains it, and both apart from what evaluates or serves it."""

from . import export, layers, summaries
from .checkpoints import BrokenCheckpoint
from .config import RunConfig
from .estimator import Estimator
from .evaluating import EarlyStopping, EvalSpec, TrainSpec, train_and_evaluate
from .exporters import BestExporter, Exporter, FinalExporter, Goal, LatestExporter
from .exports import publish_copy
from .hooks import Hook, Step
from .metrics import measure, ratio
from .optimizers import Lbfgs, minimize
from .predictor import ServedModel, from_saved_model
from .pruning import ChangeRefused
from .running import global_step, private_variables, trainable_variables
from .session_hooks import (
    LoggingTensorHook,
    SessionRunArgs,
    SessionRunContext,
    SessionRunHook,
    SessionRunValues,
)
from .spec import EstimatorSpec, ModeKeys
from .stopping import stop_if_no_decrease_hook, stop_if_no_increase_hook
from .variables import VariableMismatch
from .warm_start import WarmStart

__all__ = [
    "BestExporter",
    "BrokenCheckpoint",
    "ChangeRefused",
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
    "LoggingTensorHook",
    "ModeKeys",
    "RunConfig",
    "ServedModel",
    "SessionRunArgs",
    "SessionRunContext",
    "SessionRunHook",
    "SessionRunValues",
    "Step",
    "TrainSpec",
    "VariableMismatch",
    "WarmStart",
    "export",
    "from_saved_model",
    "global_step",
    "layers",
    "measure",
    "minimize",
    "private_variables",
    "publish_copy",
    "ratio",
    "stop_if_no_decrease_hook",
    "stop_if_no_increase_hook",
    "summaries",
    "train_and_evaluate",
    "trainable_variables",
]
