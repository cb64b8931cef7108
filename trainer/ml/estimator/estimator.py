"""The Estimator: a model apart from what trains it, and both apart from what evaluates or serves it.

    Estimator(model_fn, model_dir, params, config)     train · evaluate · predict · export_saved_model
    model_fn(features, labels, mode, params) → EstimatorSpec
    input_fn() → tf.data.Dataset of features, or of (features, labels)

The model function describes one step in TensorFlow operations; it is traced once a mode. State lives in
`model_dir` as checkpoints, so that a training that was killed goes on from its last one.
"""

import inspect
import os
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from trainer.ml.estimator.variables import VariableStore

Tensors = Any  # a tensor, or a (nested) dict of tensors
ModelFn = Callable[..., "EstimatorSpec"]
InputFn = Callable[[], tf.data.Dataset]


class ModeKeys(StrEnum):
    """What a model function is being run for."""

    TRAIN = "train"
    EVAL = "eval"
    PREDICT = "predict"


@dataclass(frozen=True)
class EstimatorSpec:
    """What a model function answers. `eval_metric_ops` are (sum, weight) pairs, reported as their ratio."""

    mode: ModeKeys
    predictions: Tensors = None
    loss: tf.Tensor | None = None
    train_op: tf.Tensor | None = None
    eval_metric_ops: Mapping[str, tuple[tf.Tensor, tf.Tensor]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        needed = {
            ModeKeys.TRAIN: {"loss": self.loss, "train_op": self.train_op},
            ModeKeys.EVAL: {"loss": self.loss},
            ModeKeys.PREDICT: {"predictions": self.predictions},
        }[self.mode]
        missing = [name for name, value in needed.items() if value is None]
        if missing:
            raise ValueError(f"an EstimatorSpec for {self.mode.value} needs {' and '.join(missing)}")


@dataclass(frozen=True)
class RunConfig:
    """How to run, as opposed to what."""

    seed: int = 0
    save_checkpoints_steps: int | None = None
    save_checkpoints_secs: float | None = 60.0
    keep_checkpoint_max: int = 2


@dataclass
class Step:
    """What a hook sees after a step, and may ask for."""

    number: int
    loss: float
    stop: bool = False


class Hook:
    """Watches a training. Override what you need; an exception from a hook ends the training."""

    def begin(self, step: int) -> None:
        """Called before the first step, with the number of steps already done."""

    def after_step(self, step: Step) -> None:
        """Called after each step; set `step.stop` to end the training in good order."""

    def end(self, step: int) -> None:
        """Called when the training ended in good order, after its last checkpoint."""


class Estimator:
    """Trains, evaluates, runs and exports the model that `model_fn` describes."""

    def __init__(
        self,
        model_fn: ModelFn,
        model_dir: Path | str,
        params: Any = None,
        config: RunConfig | None = None,
    ) -> None:
        self.model_fn, self.model_dir, self.params = model_fn, Path(model_dir), params
        self.config = config or RunConfig()
        self._asks = set(inspect.signature(model_fn).parameters)
        self._store = VariableStore()
        self._step = tf.Variable(0, dtype=tf.int64, trainable=False, name="global_step")
        self._programs: dict[tuple, Any] = {}
        self._at: str | None = None  # the checkpoint whose values the variables hold

    def train(
        self,
        input_fn: InputFn,
        *,
        steps: int | None = None,
        max_steps: int | None = None,
        hooks: Sequence[Hook] = (),
    ) -> "Estimator":
        """Train for `steps` more steps, or until `max_steps` in all, or until the input ends.

        Input already consumed by the steps of an earlier call is skipped, so that a training that was killed
        and is started again with the same input and `max_steps` ends where it would have.
        """
        if (steps is None) == (max_steps is None):
            raise ValueError("give either steps or max_steps")
        tf.random.set_seed(self.config.seed)
        random.seed(self.config.seed)  # where Keras takes the seeds of its initializers from
        dataset = input_fn()
        run = self._program(ModeKeys.TRAIN, dataset.element_spec)
        self._restore(latest := self.latest_checkpoint(), ModeKeys.TRAIN)
        done = int(self._step.numpy())
        self._at = None  # from here on the variables run ahead of any checkpoint
        goal = done + steps if steps is not None else int(max_steps or 0)
        for hook in hooks:
            hook.begin(done)
        saved_at, saved_step = time.monotonic(), done if latest else -1
        for element in dataset.skip(done) if max_steps is not None else dataset:
            if done >= goal:
                break
            loss = float(run(element).numpy())
            if not np.isfinite(loss):
                raise FloatingPointError(f"the loss became {loss} at step {done + 1}")
            done = int(self._step.assign_add(1).numpy())
            state = Step(done, loss)
            for hook in hooks:
                hook.after_step(state)
            if self._save_is_due(done, saved_at):
                self._save(done)
                saved_at, saved_step = time.monotonic(), done
            if state.stop:
                break
        if saved_step != done:
            self._save(done)
        for hook in hooks:
            hook.end(done)
        return self

    def evaluate(
        self, input_fn: InputFn, *, steps: int | None = None, checkpoint_path: str | None = None
    ) -> dict[str, float]:
        """Mean loss and metrics over the input, of the latest checkpoint or the one given."""
        dataset = input_fn()
        run = self._program(ModeKeys.EVAL, dataset.element_spec)
        self._restore(checkpoint_path or self._required_checkpoint(), ModeKeys.EVAL)
        losses: list[float] = []
        totals: dict[str, np.ndarray] = {}
        for element in dataset.take(-1 if steps is None else steps):
            loss, metrics = run(element)
            losses.append(float(loss.numpy()))
            for name, pair in metrics.items():
                totals[name] = totals.get(name, np.zeros(2)) + np.array([float(part.numpy()) for part in pair])
        if not losses:
            raise ValueError("the input to evaluate is empty")
        found = {name: total / weight if weight else 0.0 for name, (total, weight) in totals.items()}
        return {**found, "loss": sum(losses) / len(losses), "global_step": int(self._step.numpy())}

    def predict(
        self, input_fn: InputFn, *, checkpoint_path: str | None = None, yield_single_examples: bool = True
    ) -> Iterator[Any]:
        """Predictions for each batch or, unless told otherwise, for each example of each batch."""
        dataset = input_fn()
        run = self._program(ModeKeys.PREDICT, dataset.element_spec)
        self._restore(checkpoint_path or self._required_checkpoint(), ModeKeys.PREDICT)
        for element in dataset:
            batch = tf.nest.map_structure(lambda tensor: tensor.numpy(), run(element))
            if not yield_single_examples:
                yield batch
                continue
            for index in range(len(tf.nest.flatten(batch)[0])):
                yield tf.nest.map_structure(lambda array, i=index: array[i], batch)

    def export_saved_model(
        self,
        base: Path | str,
        serving_input_fn: Callable[[], Mapping[str, tf.TensorSpec]],
        *,
        checkpoint_path: str | None = None,
        signatures: Mapping[str, Any] | None = None,
    ) -> Path:
        """Write a SavedModel into the next numbered directory of `base`, whole or not at all.

        `serving_input_fn` names the features that a caller gives, with shape and type. `signatures` adds
        further ones beside `serving_default`: functions, or the names and specs of other features for the model.
        """
        more = dict(signatures or {})
        asked = {"serving_default": serving_input_fn()}
        asked |= {name: given for name, given in more.items() if isinstance(given, Mapping)}
        serving = {name: self._signature(dict(specs)) for name, specs in asked.items()}
        self._restore(checkpoint_path or self._required_checkpoint(), ModeKeys.PREDICT)
        module = tf.Module()
        module.weights = self._store.model()
        named = {**more, **serving}
        return _publish(Path(base), lambda aside: tf.saved_model.save(module, os.fspath(aside), signatures=named))

    def _signature(self, specs: Mapping[str, tf.TensorSpec]) -> Any:
        """The model's answers to features that are given by name."""
        program = self._program(ModeKeys.PREDICT, specs)

        @tf.function(autograph=False)
        def serve(*tensors: tf.Tensor) -> Any:
            return program(dict(zip(specs, tensors, strict=True)))

        return serve.get_concrete_function(*(_named(spec, name) for name, spec in specs.items()))

    @property
    def trainable_variables(self) -> list[tf.Variable]:
        """The model's trainable variables, in the order they were made; none before anything ran."""
        return [variable for variable in self._store.model() if variable.trainable]

    def latest_checkpoint(self) -> str | None:
        """Path of the newest checkpoint in `model_dir`, or None."""
        return tf.train.latest_checkpoint(os.fspath(self.model_dir))

    def _required_checkpoint(self) -> str:
        found = self.latest_checkpoint()
        if found is None:
            raise FileNotFoundError(f"no checkpoint in {self.model_dir}: train first")
        return found

    def _program(self, mode: ModeKeys, element: Any) -> Any:
        """The traced step of a mode for elements of this form; tracing makes the variables."""
        key = (mode, str(element))
        if key not in self._programs:
            function = tf.function(lambda given: self._step_of(mode, given), autograph=False)
            self._programs[key] = function.get_concrete_function(element)
        return self._programs[key]

    def _step_of(self, mode: ModeKeys, element: Any) -> Any:
        features, labels = element if isinstance(element, tuple) else (element, None)
        optional = {"params": self.params, "config": self.config}
        wanted = {name: value for name, value in optional.items() if name in self._asks}
        with self._store.running(mode):
            spec = self.model_fn(features, labels, mode, **wanted)
        if spec.mode != mode:
            raise ValueError(f"model_fn was called for {mode.value} and answered for {spec.mode.value}")
        if mode == ModeKeys.TRAIN:
            with tf.control_dependencies([spec.train_op]):
                return tf.identity(spec.loss)
        if mode == ModeKeys.EVAL:
            return spec.loss, dict(spec.eval_metric_ops)
        return spec.predictions

    def _checkpoint(self, mode: ModeKeys) -> tf.train.Checkpoint:
        own = {"training": self._store.of_mode(mode)} if mode == ModeKeys.TRAIN else {}
        return tf.train.Checkpoint(step=self._step, model=self._store.model(), **own)

    def _restore(self, path: str | None, mode: ModeKeys) -> None:
        # Evaluation and prediction never change the model's variables, so what training left in memory is current.
        if path is None or path == self._at:
            return
        status = self._checkpoint(mode).restore(path)
        status.assert_existing_objects_matched()
        if mode != ModeKeys.TRAIN:
            status.expect_partial()
        self._at = path if mode == ModeKeys.TRAIN else None

    def _save_is_due(self, step: int, saved_at: float) -> bool:
        every, seconds = self.config.save_checkpoints_steps, self.config.save_checkpoints_secs
        if every is not None:
            return step % every == 0
        return seconds is not None and time.monotonic() - saved_at >= seconds

    def _save(self, step: int) -> None:
        manager = tf.train.CheckpointManager(
            self._checkpoint(ModeKeys.TRAIN), os.fspath(self.model_dir), max_to_keep=self.config.keep_checkpoint_max
        )
        self._at = manager.save(checkpoint_number=step)


def _named(spec: tf.TensorSpec, name: str) -> tf.TensorSpec:
    return tf.TensorSpec(spec.shape, spec.dtype, name=name)


def publish_copy(export: Path, base: Path) -> Path:
    """Copy an export into the next numbered directory of another base."""
    return _publish(base, lambda aside: shutil.copytree(export, aside, dirs_exist_ok=True))


def _publish(base: Path, write: Callable[[Path], Any]) -> Path:
    """Write aside, then rename to the next number: a reader sees a whole export or none."""
    base.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=base))
    try:
        write(aside)
        aside.chmod(0o755)
        while True:
            target = base / str(1 + max((int(p.name) for p in base.iterdir() if p.name.isdigit()), default=0))
            try:
                return aside.rename(target)
            except OSError:
                if not target.exists():  # not a race for the number
                    raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
