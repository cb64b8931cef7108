"""What an Estimator is asked for, seen to be possible before anything is done."""

import logging
import tempfile
from pathlib import Path
from typing import Any

import tensorflow as tf

from .config import RunConfig
from .export import TensorServingInputReceiver
from .inputs import asked_of

log = logging.getLogger(__name__)


def check_model(model_fn: Any, model_dir: Any, config: Any, params: Any) -> None:
    """Raise TypeError or ValueError where an Estimator cannot be made of these."""
    if not callable(model_fn):
        raise TypeError(f"model_fn must be a function, not {type(model_fn).__name__}")
    if model_dir is not None and not isinstance(model_dir, str | Path):
        raise TypeError(f"model_dir must be a path, not {type(model_dir).__name__}")
    if config is not None and not isinstance(config, RunConfig):
        raise TypeError(
            f"config must be a RunConfig, not {type(config).__name__}: the order is model_fn, model_dir, config, params"
        )
    if isinstance(params, RunConfig):
        raise TypeError("params must not be a RunConfig: the order is model_fn, model_dir, config, params")
    asks = asked_of(model_fn)
    if asks is None:
        return
    if "features" not in asks:
        raise ValueError(f"model_fn must have an argument `features`; it has: {', '.join(sorted(asks)) or 'none'}")
    if params is not None and "params" not in asks:
        raise ValueError("params are given, and model_fn has no argument for them")


def check_steps(**given: int | None) -> None:
    """Raise ValueError, by name, where a number of steps is none."""
    for name, value in given.items():
        if value is not None and value < 1:
            raise ValueError(f"{name} must be 1 or more, not {value}")


def check_served(asked: Any) -> None:
    """Raise TypeError where a serving input function gave neither specs nor a receiver."""
    flat = tf.nest.flatten(asked)
    specs = bool(flat) and all(isinstance(one, tf.TensorSpec) for one in flat)
    if not (specs or isinstance(asked, TensorServingInputReceiver)):
        raise TypeError(
            "serving_input_fn must give a ServingInputReceiver, a tf.TensorSpec or a dict of them, not "
            f"{type(asked).__name__}"
        )


def directory_of(given: Path | str | None, config: RunConfig) -> Path:
    """Where the model is to be: in a temporary folder if nobody says."""
    if given is not None and config.model_dir is not None and Path(given) != Path(config.model_dir):
        raise ValueError(f"model_dir is {given} here and {config.model_dir} in the config")
    found = given or config.model_dir
    if found is None:
        found = tempfile.mkdtemp(prefix="estimator-")
        log.warning("no model_dir is given: the model is in the temporary folder %s", found)
    return Path(found)
