"""Exports: SavedModels in numbered directories, of which no reader ever sees half of one."""

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.framework import op_def_registry

ASSETS = "assets.extra"


def serving_function(answer: Callable[[Any], Any], specs: Any) -> Any:
    """A function of named tensors, as a signature needs it, from one of a dict, or of one tensor."""
    named = {specs.name or "features": specs} if isinstance(specs, tf.TensorSpec) else specs

    @tf.function(autograph=False)
    def serve(*tensors: tf.Tensor) -> Any:
        return answer(tensors[0] if named is not specs else dict(zip(named, tensors, strict=True)))

    return serve.get_concrete_function(
        *(tf.TensorSpec(spec.shape, spec.dtype, name=name) for name, spec in named.items())
    )


def write_saved_model(
    base: Path, signatures: Mapping[str, Any], kept: Mapping[str, Any], assets: Mapping[str, Path | str]
) -> Path:
    """Write a SavedModel with these signatures and files into the next numbered directory of `base`.

    `kept` is what the signatures use: variables and tables. Raises OSError where there is no room.
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
            _merge_equal_nodes(aside)
        except tf.errors.OpError as error:
            raise OSError(f"the export cannot be written to {base}: {error.message}") from error
        for name, source in assets.items():
            target = aside / ASSETS / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)

    return publish(base, write)


def _merge_equal_nodes(folder: Path) -> None:
    """Compute once what functions compute again and again, constants most of all: loading builds node after node."""
    path = folder / "saved_model.pb"
    model = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    for graph in model.meta_graphs:
        for function in graph.graph_def.library.function:
            _merge_within(function)
    path.write_bytes(model.SerializeToString())
    # It tells of the file as it was. Who looks for one makes it from the file.
    (folder / "fingerprint.pb").unlink(missing_ok=True)


def _merge_within(function: Any) -> None:
    """Nodes are equal that do the same with the same inputs, and neither read nor change a state."""
    nodes = function.node_def
    # What is named in other ways than as an input of data stays.
    held = {name[1:] for node in nodes for name in node.input if name.startswith("^")}
    held |= {place.decode()[5:] for node in nodes if "_class" in node.attr for place in node.attr["_class"].list.s}
    held |= set(function.control_ret.values())
    first: dict[tuple[Any, ...], str] = {}
    instead: dict[str, str] = {}

    def now(name: str) -> str:
        node, colon, output = name.partition(":")
        return instead.get(node, node) + colon + output

    for node in nodes:
        definition = op_def_registry.get(node.op)
        if definition is None or definition.is_stateful or node.name in held:
            continue
        attributes = ((name, value.SerializeToString(deterministic=True)) for name, value in sorted(node.attr.items()))
        equal = first.setdefault((node.op, node.device, *map(now, node.input), *attributes), node.name)
        if equal != node.name:
            instead[node.name] = equal
    for at in reversed([at for at, node in enumerate(nodes) if node.name in instead]):
        del nodes[at]
    for node in nodes:
        node.input[:] = [now(name) for name in node.input]
    for name, value in dict(function.ret).items():  # a map is not to be changed while it is walked
        function.ret[name] = now(value)


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
    """Write aside, then rename to the next number: a reader sees a whole export or none."""
    base.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=base))
    try:
        write(aside)
        aside.chmod(0o755)
        while True:
            target = base / str(1 + max((int(path.name) for path in numbered_exports(base)), default=0))
            try:
                return aside.rename(target)
            except OSError:
                if not target.exists():  # not a race for the number
                    raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
