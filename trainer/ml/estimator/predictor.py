"""Using an export without the code that made it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from .exports import ASSETS, numbered_exports
from .spec import DEFAULT_SIGNATURE


class ServedModel:
    """One signature of a loaded export: called with its inputs by name, it answers with its outputs by name.

    inputs      by name, the spec of each input
    outputs     by name, the spec of each output
    signatures  the names of all signatures that the export has
    assets      by name, where the files lie that were exported with it
    """

    def __init__(self, path: Path, signature: str) -> None:
        self._model = tf.saved_model.load(str(path))  # held on to: a signature does not keep its variables alive
        self.signatures = sorted(self._model.signatures)
        if signature not in self.signatures:
            raise KeyError(f"{path} has no signature {signature!r}; there are {', '.join(self.signatures)}")
        self._run = self._model.signatures[signature]
        self.inputs: dict[str, tf.TensorSpec] = dict(self._run.structured_input_signature[1])
        self.outputs: dict[str, tf.TensorSpec] = dict(self._run.structured_outputs)
        extra = path / ASSETS
        self.assets = {str(file.relative_to(extra)): file for file in extra.rglob("*") if file.is_file()}

    def __call__(self, features: Mapping[str, Any] | None = None, /, **named: Any) -> dict[str, np.ndarray]:
        """The outputs as NumPy arrays; features are given as a dict or by name, as anything a tensor can be made of.

        Raises ValueError naming inputs that are missing, unknown, or not of the right type or shape.
        """
        given = {**(features or {}), **named}
        if given.keys() != self.inputs.keys():
            raise ValueError(f"the inputs are {', '.join(sorted(self.inputs))}, not {', '.join(sorted(given))}")
        tensors = {name: self._tensor(name, value) for name, value in given.items()}
        return {name: tensor.numpy() for name, tensor in self._run(**tensors).items()}

    def _tensor(self, name: str, value: Any) -> tf.Tensor:
        spec = self.inputs[name]
        try:
            tensor = tf.convert_to_tensor(value, spec.dtype)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{name} must be of type {spec.dtype.name}: {error}") from error
        if not spec.shape.is_compatible_with(tensor.shape):
            raise ValueError(f"{name} must be of shape {spec.shape}, not {tensor.shape}")
        return tensor


def from_saved_model(path: Path | str, *, signature: str = DEFAULT_SIGNATURE) -> ServedModel:
    """Load an export, or the newest of a directory of numbered ones.

    Raises FileNotFoundError if there is none, and KeyError naming the signatures there are for one that is not.
    """
    found = Path(path)
    if not (found / "saved_model.pb").exists() and (numbered := numbered_exports(found)):
        found = numbered[-1]
    if not (found / "saved_model.pb").exists():
        raise FileNotFoundError(f"there is no exported model at {path}")
    return ServedModel(found, signature)
