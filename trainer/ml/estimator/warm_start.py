"""Beginning a training from what another one learnt."""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import tensorflow as tf

from . import checkpoints
from .programs import OUTSIDE
from .variables import MODEL

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class WarmStart:
    """Initial values from another model's checkpoint.

    path       a checkpoint, or a `model_dir`, of which the newest checkpoint is taken
    variables  a regular expression: variables whose whole name it matches, such as "body/kernel", are taken
    """

    path: Path | str
    variables: str = ".*"


def begin_from(start: WarmStart, variables: Mapping[str, tf.Variable]) -> None:
    """Give the model's variables the values they have there.

    Raises FileNotFoundError without a checkpoint, ValueError if no variable matches, BrokenCheckpoint, and
    VariableMismatch if one that matches is missing there or has another shape.
    """
    path = Path(start.path)
    if path.is_dir():
        found = checkpoints.Checkpoints(path, None).paths()
        if not found:
            raise FileNotFoundError(f"no checkpoint in {path} to begin from")
        path = Path(found[0])
    if not path.with_name(f"{path.name}.index").exists():
        raise FileNotFoundError(f"there is no checkpoint at {path} to begin from")
    pattern = re.compile(rf"(?:{MODEL}|{OUTSIDE})/(?:{start.variables})")
    chosen = {name: variable for name, variable in variables.items() if pattern.fullmatch(name)}
    if not chosen:
        known = ", ".join(name.partition("/")[2] for name in variables)
        raise ValueError(f"no variable's name matches {start.variables!r}; there are {known}")
    step = checkpoints.read(str(path), chosen)
    log.info("%d variables begin with their values of step %d of %s", len(chosen), step, path)
