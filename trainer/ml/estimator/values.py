"""The values of an export: read, and written in place of others of the same names.

The graph of an export is in one file, the values of its variables are in two others. Where only values change, the
graph need not be made again, which is what takes the time.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from .checkpoints import names_in, values_in
from .exports import GRAPH, publish

_OBJECTS = "_CHECKPOINTABLE_OBJECT_GRAPH"  # says which value belongs to which object of the graph
_BEFORE, _AFTER = "weights/", "/.ATTRIBUTES/VARIABLE_VALUE"


def read_values(export: Path) -> dict[str, Any]:
    """The values of an export's variables by name, those of strings as bytes; raises BrokenCheckpoint."""
    keys = [key for key in names_in(_prefix(export)) if key != _OBJECTS]
    found = values_in(_prefix(export), keys)
    return {key.removeprefix(_BEFORE).removesuffix(_AFTER): value for key, value in found.items()}


def write_values(export: Path, values: Mapping[str, Any], *, like: Path | None = None) -> None:
    """Give an export other values of its variables, and see that they are there.

    One that has none yet gets them `like` another that has the same graph. Raises ValueError where the names are not
    those of the variables, and OSError where there is no room.
    """
    model = _prefix(like or export)
    given = {f"{_BEFORE}{name}{_AFTER}": value for name, value in sorted(values.items())}
    if names_in(model).keys() != {_OBJECTS, *given}:
        raise ValueError(f"the variables of {model} have other names")
    given |= values_in(model, [_OBJECTS])
    tensors = [tf.constant(value) for value in given.values()]
    try:
        tf.raw_ops.SaveV2(
            prefix=_prefix(export), tensor_names=list(given), shape_and_slices=[""] * len(given), tensors=tensors
        )
    except tf.errors.OpError as error:
        raise OSError(f"the values of {export} cannot be written: {error.message}") from error
    written = values_in(_prefix(export), list(given))
    changed = [key for key, value in given.items() if np.asarray(written[key]).tobytes() != np.asarray(value).tobytes()]
    if changed:
        raise OSError(f"{export} was not written as it was to be: {', '.join(changed)}")


def publish_exchanged(former: Path, base: Path, values: Mapping[str, Any]) -> Path:
    """The graph of a former export with other values, in the next numbered directory of `base`, whole or not at all."""

    def write(aside: Path) -> None:
        shutil.copyfile(former / GRAPH, aside / GRAPH)
        Path(_prefix(aside)).parent.mkdir()
        write_values(aside, values, like=former)

    return publish(base, write)


def _prefix(export: Path) -> str:
    return str(export / "variables" / "variables")
