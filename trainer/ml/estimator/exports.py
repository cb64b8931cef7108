"""Exports: SavedModels in numbered directories, of which no reader ever sees half of one.

The numbers are seconds since 1970, so that they sort alike as numbers and as text.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import tensorflow as tf

from .export import RECEIVER
from .graphs import drop_numbers, merge_equal_nodes, rename_functions, stateless_operations
from .internals import saved_model

ASSETS, GRAPH = "assets.extra", "saved_model.pb"


def serving_function(answer: Callable[[Any], Any], specs: Any) -> Any:
    """A function of named tensors, as a signature needs it, from one of a dict, or of one tensor."""
    named = {specs.name or RECEIVER: specs} if isinstance(specs, tf.TensorSpec) else specs

    @tf.function(autograph=False)
    def serve(*tensors: tf.Tensor) -> Any:
        return answer(tensors[0] if named is not specs else dict(zip(named, tensors, strict=True)))

    return serve.get_concrete_function(
        *(tf.TensorSpec(spec.shape, spec.dtype, name=name) for name, spec in named.items())
    )


def write_saved_model(
    base: Path,
    signatures: Mapping[str, Any],
    kept: Mapping[str, Any],
    assets: Mapping[str, Path | str],
    finish: Callable[[Path], Any] = lambda _: None,
) -> Path:
    """Write a SavedModel with these signatures and files into the next numbered directory of `base`.

    `kept` is what the signatures use: variables and tables. `finish` is called with the whole export before anybody
    can see it; what it raises means that nobody shall. Raises OSError where there is no room.
    """
    for name, source in assets.items():
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise ValueError(f"the asset {name!r} would lie outside the export")
        if not Path(source).is_file():
            raise FileNotFoundError(f"the asset {name!r} is to be copied from {source}, which is no file")
    module = tf.Module()
    for name, value in kept.items():
        setattr(module, name, value)

    def write(aside: Path) -> None:
        try:
            tf.saved_model.save(module, os.fspath(aside), signatures=dict(signatures))
            _tidy(aside)
        except tf.errors.OpError as error:
            raise OSError(f"the export cannot be written to {base}: {error.message}") from error
        for name, source in assets.items():
            target = aside / ASSETS / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
        finish(aside)

    return publish(base, write)


def _tidy(folder: Path) -> None:
    """Leave out of the graph what is in it twice, and what differs between two that do the same."""
    path = folder / GRAPH
    model = saved_model(path.read_bytes())
    for graph in model.meta_graphs:
        stateless = stateless_operations(graph.graph_def)
        for function in graph.graph_def.library.function:
            merge_equal_nodes(function, stateless)
            drop_numbers(function)
        rename_functions(graph)
    path.write_bytes(model.SerializeToString(deterministic=True))
    # It tells of the file as it was. Who looks for one makes it from the file.
    (folder / "fingerprint.pb").unlink(missing_ok=True)


def numbered_exports(base: Path) -> list[Path]:
    """The exports of a base directory, oldest first."""
    if not base.is_dir():
        return []
    return sorted((path for path in base.iterdir() if path.name.isdigit()), key=lambda path: int(path.name))


def keep_newest(base: Path, keep: int | None) -> None:
    """Remove all exports but the newest so many."""
    for old in numbered_exports(base)[: -keep if keep else 0]:
        shutil.rmtree(old)


def publish_copy(export: Path, base: Path) -> Path:
    """Copy an export into the next numbered directory of another base."""
    return publish(base, lambda aside: shutil.copytree(export, aside, dirs_exist_ok=True))


def publish(base: Path, write: Callable[[Path], Any]) -> Path:
    """Write aside, then rename to the second it is, or the next one free: a reader sees a whole export or none."""
    base.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=base))
    try:
        write(aside)
        aside.chmod(0o755)
        while True:
            newest = max((int(path.name) for path in numbered_exports(base)), default=0)
            target = base / str(max(newest + 1, int(time.time())))
            try:
                return aside.rename(target)
            except OSError:
                if not target.exists():  # not a race for the number
                    raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
