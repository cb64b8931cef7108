"""The Estimator: a model apart from what trains it, and both apart from what evaluates or serves it.

    Estimator(model_fn, model_dir, params, config)     train · evaluate · predict · export_saved_model
    model_fn(features, labels, mode, params, config) → EstimatorSpec
    input_fn() → tf.data.Dataset of features, or of (features, labels)

The model function describes one step in TensorFlow operations; it is traced once a mode. State lives in
`model_dir` as checkpoints, so that a training that was killed goes on from its last one.
"""

import inspect
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from . import checkpoints
from .checkpoints import STEP, BrokenCheckpoint, Checkpoints
from .config import RunConfig, prepare, strategy_of
from .exports import serving_function, write_saved_model
from .hooks import Hook
from .loop import Saver, TrainingStep, watched
from .metrics import Totals
from .programs import Programs
from .spec import DEFAULT_SIGNATURE, EstimatorSpec, ModeKeys
from .summaries import EventFile
from .variables import MODEL
from .warm_start import WarmStart, begin_from

log = logging.getLogger(__name__)

ModelFn = Callable[..., EstimatorSpec]
InputFn = Callable[[], tf.data.Dataset]
ServingInputFn = Callable[[], Mapping[str, tf.TensorSpec] | tf.TensorSpec]


class Estimator:
    """Trains, evaluates, runs and exports the model that `model_fn` describes.

    `model_fn(features, labels, mode)` is called once a mode, and gets `params` and `config` if it has arguments of
    these names. `features` and `labels` are tensors or dicts of them, as the input has them; labels are None where
    the input has none. Layers may be made inside it or be closed over; an optimizer is made inside (`minimize`).

    `warm_start_from` gives a first training initial values: a WarmStart, or the path that one would have.
    """

    def __init__(
        self,
        model_fn: ModelFn,
        model_dir: Path | str,
        params: Any = None,
        config: RunConfig | None = None,
        warm_start_from: WarmStart | Path | str | None = None,
    ) -> None:
        self.model_fn, self.model_dir, self.params = model_fn, Path(model_dir), params
        self.config = config or RunConfig()
        self._warm = WarmStart(warm_start_from) if isinstance(warm_start_from, Path | str) else warm_start_from
        self._asks = set(inspect.signature(model_fn).parameters)
        prepare(self.config)
        self._strategy = strategy_of(self.config)
        self._step = tf.Variable(0, dtype=tf.int64, trainable=False, name=STEP)
        self._programs = Programs(self._call, self.config, self._strategy, self._step)
        self._checkpoints = Checkpoints(self.model_dir, self.config.keep_checkpoint_max)
        self._at: str | None = None  # the checkpoint whose values the variables hold,
        self._held: set[str] = set()  # and which variables do
        self._dirty = False  # whether they have values that are in no checkpoint
        self._training = False

    def begin_anew(
        self, model_dir: Path | str, params: Any, config: RunConfig, variables: Callable[[Any], object]
    ) -> None:
        """Be an Estimator of another training of the same model, with the programs that are traced already.

        `params` may differ from those before in what is no more than initial values: `variables(params)` makes all
        variables that the model function does, which take those. What stands in a traced program stays as it was, so
        variables whose shapes differ from one training to the next need shapes that leave it open, and inputs
        `traced_for`. Nothing may be closed over. Initial values that are no functions are kept by no optimizer.
        """
        self.model_dir, self.params, self.config, self._warm = Path(model_dir), params, config, None
        self._checkpoints = Checkpoints(self.model_dir, config.keep_checkpoint_max)
        self._programs.begin_anew(self._call, config, lambda: variables(params))
        self._step.assign(0)
        self._at, self._held, self._dirty = None, set(), False

    def empty(self) -> None:
        """Hold no values in variables of any length, until it begins anew."""
        self._programs.store.empty()
        self._at, self._held, self._dirty = None, set(), True

    def train(
        self,
        input_fn: InputFn,
        *,
        steps: int | None = None,
        max_steps: int | None = None,
        hooks: Sequence[Hook] = (),
    ) -> "Estimator":
        """Train for `steps` more steps, or until `max_steps` in all, or until the input ends.

        With `max_steps`, input already consumed by the steps of an earlier call is skipped, so that a training that
        was killed and is started again with the same input ends where it would have. A checkpoint that cannot be
        read is passed over for the one before; if none can, training begins afresh. Both are logged as warnings.

        Raises FloatingPointError when the loss is no longer a number; VariableMismatch when the checkpoint is
        another model's; RuntimeError when this Estimator's variables were in use and their checkpoints are gone.
        """
        if (steps is None) == (max_steps is None):
            raise ValueError("give either steps or max_steps")
        if self.config.seed is not None:
            tf.random.set_seed(self.config.seed)
        dataset = input_fn()
        program = self._programs.get(ModeKeys.TRAIN, self._spread(dataset).element_spec)
        done = self._resume()
        if max_steps is not None:
            dataset, steps = dataset.skip(done), max(max_steps - done, 0)
        events = EventFile(self.model_dir)
        step = TrainingStep(program, events, self.config.save_summary_steps)
        watching = [step, Saver(self._save, self.config, hooks), *hooks]
        self._training = True
        try:
            for _ in watched(self._spread(dataset.take(steps)), self._ahead(step), watching, done):
                pass
        finally:
            self._training = False
            events.close()
        return self

    def evaluate(
        self,
        input_fn: InputFn,
        *,
        steps: int | None = None,
        checkpoint_path: Path | str | None = None,
        name: str | None = None,
        hooks: Sequence[Hook] = (),
    ) -> dict[str, float]:
        """The mean of the batches' losses, the metrics and `global_step`, of the latest checkpoint or the one given.

        They are also written for TensorBoard, to `model_dir/eval` or, with a name, `model_dir/eval_<name>`. `steps`
        is the most batches to look at. Raises FileNotFoundError without a checkpoint, BrokenCheckpoint, and
        ValueError when the input is empty.
        """
        dataset = input_fn()
        program = self._programs.get(ModeKeys.EVAL, dataset.element_spec)
        self._restore(ModeKeys.EVAL, checkpoint_path)
        for metric in program.metrics.values():
            metric.reset_state()
        totals, losses = Totals(), []

        def take(element: Any) -> float:
            loss, pairs = program.run(element)
            losses.append(float(loss.numpy()))
            totals.add(pairs)
            return losses[-1]

        for _ in watched(dataset.take(-1 if steps is None else steps), take, hooks):
            pass
        if not losses:
            raise ValueError("the input to evaluate is empty")
        found = totals.ratios() | {key: float(metric.result()) for key, metric in program.metrics.items()}
        found["loss"] = sum(losses) / len(losses)
        step = int(self._step.numpy())
        events = EventFile(self.eval_dir(name))
        events.write(step, found)
        events.close()
        return {**found, "global_step": step}

    def predict(
        self,
        input_fn: InputFn,
        *,
        predict_keys: Sequence[str] | str | None = None,
        hooks: Sequence[Hook] = (),
        checkpoint_path: Path | str | None = None,
        yield_single_examples: bool = True,
    ) -> Iterator[Any]:
        """Predictions as NumPy arrays, for each example or, if told so, for each batch as it is.

        `predict_keys` names those that are wanted, of a model whose predictions are a dict. Labels in the input are
        ignored by most models. Raises FileNotFoundError without a checkpoint, BrokenCheckpoint, and KeyError for a
        key that there is not.
        """
        dataset = input_fn()
        program = self._programs.get(ModeKeys.PREDICT, dataset.element_spec)
        self._restore(ModeKeys.PREDICT, checkpoint_path)
        found: list[Any] = []

        def take(element: Any) -> None:
            found[:] = [_chosen(program.run(element)[0], predict_keys)]

        for _ in watched(dataset, take, hooks):
            batch = tf.nest.map_structure(lambda tensor: tensor.numpy(), found[0])
            if not yield_single_examples:
                yield batch
                continue
            for index in range(len(tf.nest.flatten(batch)[0])):
                yield tf.nest.map_structure(lambda array, i=index: array[i], batch)

    def predict_once(self, features: Any) -> Any:
        """Predictions for one batch of features as NumPy arrays, by the latest checkpoint, operation by operation.

        For a few calls this takes less time than the program that `predict` has traced first. Raises
        FileNotFoundError without a checkpoint, and BrokenCheckpoint.
        """
        given = tf.nest.map_structure(tf.convert_to_tensor, features)
        if not self._programs.variables(ModeKeys.PREDICT):
            self._programs.get(ModeKeys.PREDICT, tf.nest.map_structure(tf.TensorSpec.from_tensor, given))  # makes them
        self._restore(ModeKeys.PREDICT, None)
        return tf.nest.map_structure(lambda tensor: tensor.numpy(), self._programs.predictions(given))

    def export_saved_model(
        self,
        base: Path | str,
        serving_input_fn: ServingInputFn,
        *,
        assets: Mapping[str, Path | str] | None = None,
        checkpoint_path: Path | str | None = None,
        signatures: Mapping[str, Any] | None = None,
    ) -> Path:
        """Write a SavedModel into the next numbered directory of `base`, whole or not at all.

        `serving_input_fn()` names the features that a caller gives, with shape and type: a dict of specs, or one spec
        for a model whose features are one tensor, to be called by the spec's name. The signatures are
        `serving_default`, whose outputs are the predictions, and those of the model's `export_outputs`.
        `signatures` adds more: functions, or the names and specs of other features for the model. `assets` are
        files to copy into the export, to `assets.extra/<name>`.
        """
        more = dict(signatures or {})
        given = {name: specs for name, specs in more.items() if isinstance(specs, Mapping)}
        asked = {DEFAULT_SIGNATURE: serving_input_fn(), **given}
        programs = {name: self._programs.get(ModeKeys.PREDICT, specs) for name, specs in asked.items()}
        self._restore(ModeKeys.PREDICT, checkpoint_path)
        for name, program in programs.items():
            # The model's further outputs take the features of the default signature.
            outputs = program.run.structured_outputs[1] if name == DEFAULT_SIGNATURE else [DEFAULT_SIGNATURE]
            for output in outputs:
                signature = output if name == DEFAULT_SIGNATURE else name
                more[signature] = serving_function(program.answering(output), asked[name])
        kept = {
            "weights": list(self._programs.variables(ModeKeys.PREDICT).values()),
            "resources": [resource for program in programs.values() for resource in program.resources],
        }
        return write_saved_model(Path(base), more, kept, assets or {})

    @property
    def trainable_variables(self) -> list[tf.Variable]:
        """The model's trainable variables, in the order they were made; none before anything ran."""
        return [variable for variable in self._programs.variables(ModeKeys.PREDICT).values() if variable.trainable]

    def values(self) -> dict[str, np.ndarray]:
        """The values of the variables made by the model function, by name, in the newest checkpoint.

        Raises FileNotFoundError without a checkpoint, and BrokenCheckpoint.
        """
        path = self.latest_checkpoint()
        if path is None:
            raise FileNotFoundError(f"no checkpoint in {self.model_dir}: train first")
        keys = [key for key in checkpoints.names_in(path) if key.startswith(f"{MODEL}/")]
        found = checkpoints.values_in(path, keys)
        return {key.removeprefix(f"{MODEL}/"): value for key, value in found.items()}

    def latest_checkpoint(self) -> str | None:
        """Path of the newest checkpoint in `model_dir`, or None."""
        return next(iter(self._checkpoints.paths()), None)

    def latest_step(self) -> int | None:
        """How many steps had been done at the newest checkpoint, or None."""
        path = self.latest_checkpoint()
        return None if path is None else checkpoints.step_of(path)

    def eval_dir(self, name: str | None = None) -> Path:
        """Where the results of the evaluations of this name are written."""
        return self.model_dir / (f"eval_{name}" if name else "eval")

    def _call(self, features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
        optional = {"params": self.params, "config": self.config}
        return self.model_fn(features, labels, mode, **{k: v for k, v in optional.items() if k in self._asks})

    def _ahead(self, step: Callable[[Any], float]) -> Callable[[Any], float]:
        """The step, after which the variables are ahead of any checkpoint."""

        def run(element: Any) -> float:
            self._at, self._dirty = None, True
            return step(element)

        return run

    def _spread(self, dataset: tf.data.Dataset) -> Any:
        """The input, parted between the replicas if there are several."""
        return dataset if self._strategy is None else self._strategy.experimental_distribute_dataset(dataset)

    def _save(self, step: int) -> str:
        variables = self._programs.variables(ModeKeys.TRAIN)
        self._at = self._checkpoints.write(step, {STEP: self._step, **variables})
        self._held, self._dirty = set(variables), False
        return self._at

    def _resume(self) -> int:
        """Take up the newest readable checkpoint, or initial values; returns the steps done."""
        paths = self._checkpoints.paths()
        if paths and self._restored(ModeKeys.TRAIN, paths):
            return int(self._step.numpy())
        if self._dirty or self._held:
            raise RuntimeError(
                f"there is no checkpoint in {self.model_dir} to go on from, and the variables no longer have their "
                "initial values: make the model and the Estimator anew"
            )
        if paths:
            log.warning("none of the checkpoints in %s can be read: training begins afresh", self.model_dir)
        self._step.assign(0)
        if self._warm is not None:
            begin_from(self._warm, self._programs.variables(ModeKeys.PREDICT))
        return 0

    def _restore(self, mode: ModeKeys, wanted: Path | str | None) -> None:
        if wanted is not None:
            self._read(mode, str(wanted))
            return
        paths = self._checkpoints.paths()
        if not paths:
            raise FileNotFoundError(f"no checkpoint in {self.model_dir}: train first")
        if not self._restored(mode, paths):
            raise BrokenCheckpoint(f"none of the checkpoints in {self.model_dir} can be read: train again")

    def _restored(self, mode: ModeKeys, paths: Sequence[str]) -> bool:
        for path in paths:
            try:
                self._read(mode, path)
            except BrokenCheckpoint as error:
                log.warning("passing over a broken checkpoint: %s", error)
            else:
                return True
        return False

    def _read(self, mode: ModeKeys, path: str) -> None:
        # Evaluation and prediction never change the model's variables, so what is in memory is current.
        variables = self._programs.variables(mode)
        if path == self._at and self._held >= set(variables):
            return
        if self._training and path != self._at:
            raise RuntimeError("while it trains, an Estimator can only evaluate or export the checkpoint just written")
        self._step.assign(checkpoints.read(path, variables))
        self._held = set(variables) | (self._held if path == self._at else set())
        self._at = path
        self._dirty = self._dirty and mode != ModeKeys.TRAIN


def _chosen(predictions: Any, keys: Sequence[str] | str | None) -> Any:
    if keys is None:
        return predictions
    wanted = [keys] if isinstance(keys, str) else list(keys)
    known = list(predictions) if isinstance(predictions, Mapping) else []
    if unknown := [key for key in wanted if key not in known]:
        raise KeyError(f"no prediction is called {', '.join(unknown)}; there are: {', '.join(known) or 'no names'}")
    return {key: predictions[key] for key in wanted}
