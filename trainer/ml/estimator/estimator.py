"""The Estimator: a model apart from what trains it, and both apart from what evaluates or serves it.

    Estimator(model_fn, model_dir, config, params)     train · evaluate · predict · export_saved_model
    model_fn(features, labels, mode, params, config) → EstimatorSpec
    input_fn(params, config, mode) → tf.data.Dataset of features, or of (features, labels); or tensors

The model function describes one step in TensorFlow operations; it is traced once a mode. State lives in
`model_dir` as checkpoints, so that a training that was killed goes on from its last one.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from . import checkpoints
from .checkpoints import STEP
from .checks import check_model, check_served, check_steps, directory_of
from .config import RunConfig, prepare, strategy_of
from .export import TensorServingInputReceiver
from .exports import serving_function, write_saved_model
from .forms import unnamed
from .hooks import Hook, Step
from .inputs import Input, InputFn, asked_of, read
from .loop import Saver, TrainingStep, watched
from .metrics import Totals, number_of
from .predictions import chosen, examples
from .programs import Program, Programs
from .session_hooks import Adapted, Fetches, SessionRunHook
from .spec import DEFAULT_SIGNATURE, EstimatorSpec, ModeKeys
from .state import State, ahead_of
from .summaries import EventFile
from .variables import MODEL, local_to
from .warm_start import WarmStart

log = logging.getLogger(__name__)

ModelFn = Callable[..., EstimatorSpec]
ServingInputFn = Callable[[], Mapping[str, tf.TensorSpec] | tf.TensorSpec | TensorServingInputReceiver]
Hooks = Sequence[Hook | SessionRunHook] | None
_ASKED = ("features", "labels", "mode", "params", "config")


class Estimator:
    """Trains, evaluates, runs and exports the model that `model_fn` describes.

    `model_fn` is called once a mode, by keyword, with those of `features`, `labels`, `mode`, `params` and `config`
    that it has arguments for. `features` and `labels` are tensors or dicts of them, as the input has them; labels are
    None where the input has none, and in PREDICT. Layers may be made inside it or be closed over; an optimizer is made
    inside (`minimize`). Only TRAIN changes variables of the model, whatever is described in other modes.

    Without a `model_dir`, here or in the `config`, a temporary folder is made. `params` is {} where none are given.
    `warm_start_from` gives a first training initial values: a WarmStart, or the path that one would have.

    An input function is called with those of `params`, `config` and `mode` that it has arguments for.
    """

    def __init__(
        self,
        model_fn: ModelFn,
        model_dir: Path | str | None = None,
        config: RunConfig | None = None,
        params: Any = None,
        warm_start_from: WarmStart | Path | str | None = None,
    ) -> None:
        check_model(model_fn, model_dir, config, params)
        self.config = config or RunConfig()
        self.model_fn, self.params = model_fn, {} if params is None else params
        self.model_dir = directory_of(model_dir, self.config)
        self._warm = WarmStart(warm_start_from) if isinstance(warm_start_from, Path | str) else warm_start_from
        self._asks = asked_of(model_fn)
        prepare(self.config)
        self._strategy = strategy_of(self.config)
        self._step = tf.Variable(0, dtype=tf.int64, trainable=False, name=STEP)
        self._programs = Programs(self._call, self.config, self._strategy, self._step)
        self._state = State(self.model_dir, self.config.keep_checkpoint_max, self._programs, self._step)

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
        self._programs.begin_anew(self._call, config, lambda: variables(params))
        self._state.begin_anew(self.model_dir, config.keep_checkpoint_max)

    def empty(self) -> None:
        """Hold no values in variables of any length, until it begins anew."""
        self._programs.store.empty()
        self._state.emptied()

    def build(self, element_spec: Any) -> None:
        """Make the variables that a training on elements of this form has, without training."""
        self._programs.get(ModeKeys.TRAIN, element_spec)

    def train(
        self,
        input_fn: InputFn,
        *,
        steps: int | None = None,
        max_steps: int | None = None,
        hooks: Hooks = None,
    ) -> "Estimator":
        """Train for `steps` more steps, or until `max_steps` in all; in any case until the input ends.

        A training with `max_steps` that was killed, or stopped by a hook, and is started again with the same input,
        goes on in it where its checkpoint was, so that it ends where it would have. Any other begins its input anew. A
        checkpoint that cannot be read is passed over for the one before; if none can, training begins afresh.
        That, and a training that makes no step, are logged as warnings.

        Raises FloatingPointError when the loss is no longer a number; VariableMismatch when the checkpoint is
        another model's; RuntimeError when this Estimator's variables were in use and their checkpoints are gone.
        """
        check_steps(steps=steps, max_steps=max_steps)
        if steps is not None and max_steps is not None:
            raise ValueError("give steps or max_steps, not both")
        if max_steps is not None and self._state.is_done(max_steps):
            log.info("nothing to train: the checkpoint is of step %d, max_steps is %d", self.latest_step(), max_steps)
            return self
        if self.config.seed is not None:
            tf.random.set_seed(self.config.seed)
        with closing(self._read(input_fn, ModeKeys.TRAIN, self._strategy)) as given:
            self._train(given, steps, max_steps, hooks)
        return self

    def _train(self, given: Input, steps: int | None, max_steps: int | None, hooks: Hooks) -> None:
        fetches, events = Fetches(), EventFile(self.model_dir)
        program = self._programs.get(ModeKeys.TRAIN, given.spec)
        watching = self._watching(program, given, fetches, hooks)
        done = self._state.resume(self._warm)
        self._programs.store.begin_anew(local_to(ModeKeys.TRAIN))
        until = max_steps if max_steps is not None else None if steps is None else done + steps
        elements = self._from_where_it_was(given, done, until, go_on=max_steps is not None)
        every = self.config.save_summary_steps
        if every is not None:
            events.write_graph(program.graph)
        current = ahead_of(self._state, self._fetching(ModeKeys.TRAIN, given.spec, fetches))
        step = TrainingStep(current, given, fetches, events, every=every)
        saver = Saver(lambda number: self._state.save(number, given), self.config, watching)
        number, stopped = done, False
        try:
            with self._state.training():
                for made in watched(elements, step, [step, saver, *watching], done, until):
                    number, stopped = made.number, made.stop
        finally:
            events.close()
        if not stopped or number == until:
            self._state.checkpoints.training_is_over(number)
        if number == done:
            log.warning("the training made no step: its input is empty")
        elif until is not None and number < until:
            log.info("the input, or a hook, ended the training at step %d of %d", number, until)

    def _from_where_it_was(self, given: Input, done: int, until: int | None, *, go_on: bool) -> Iterator[Any]:
        """The elements to train on: of a training that was killed, those that its checkpoint had not seen."""
        most = None if until is None else until - done
        place = self._state.checkpoints.place_in_input(done) if go_on else None
        empty = True
        for element in given.elements(most, place):
            empty = False
            yield element
        if empty and given.consumed:
            log.info("the input was used up by the steps before: it begins anew")
            yield from given.elements(most)

    def evaluate(
        self,
        input_fn: InputFn,
        *,
        steps: int | None = None,
        hooks: Hooks = None,
        checkpoint_path: Path | str | None = None,
        name: str | None = None,
    ) -> dict[str, Any]:
        """The mean of the batches' losses, the metrics and `global_step`, of the latest checkpoint or the one given.

        They are also written for TensorBoard, to `model_dir/eval` or, with a name, `model_dir/eval_<name>`. `steps`
        is the most batches to look at. Raises FileNotFoundError without a checkpoint, BrokenCheckpoint, and
        ValueError when the input is empty.
        """
        check_steps(steps=steps)
        given, fetches = self._read(input_fn, ModeKeys.EVAL), Fetches()
        program = self._programs.get(ModeKeys.EVAL, given.spec)
        watching = self._watching(program, given, fetches, hooks)
        self._state.restore(ModeKeys.EVAL, checkpoint_path)
        self._programs.store.begin_anew(ModeKeys.EVAL, local_to(ModeKeys.EVAL))
        for metric in program.metrics.values():
            metric.reset_state()
        totals, losses = Totals(), []
        current = self._fetching(ModeKeys.EVAL, given.spec, fetches)
        used, chance = program, self._state.chance()

        def take(element: Any) -> Step:
            nonlocal used
            used = current()
            with chance.used():
                found = used.run(element)
            losses.append(float(found.loss.numpy()))
            totals.add(found.pairs)
            fetches.found = {name: tensor.numpy() for name, tensor in found.fetched.items()}
            return Step(len(losses), losses[-1])

        with closing(given):
            for _ in watched(given.elements(steps), take, watching):
                pass
            if not losses:
                raise ValueError("the input to evaluate is empty")
            states = {key: number_of(metric.result().numpy()) for key, metric in used.metrics.items()}
            states |= {key: number_of(value) for key, value in used.values().items()}
        found = totals.ratios() | states
        found["loss"] = sum(losses) / len(losses)
        step = self._state.step
        events = EventFile(self.eval_dir(name))
        events.write(step, {key: value for key, value in found.items() if np.ndim(value) == 0})
        events.close()
        return {**found, "global_step": step}

    def predict(
        self,
        input_fn: InputFn,
        *,
        predict_keys: Sequence[str] | str | None = None,
        hooks: Hooks = None,
        checkpoint_path: Path | str | None = None,
        yield_single_examples: bool = True,
    ) -> Iterator[Any]:
        """Predictions as NumPy arrays, for each example or, if told so, for each batch as it is.

        `predict_keys` names those that are wanted, of a model whose predictions are a dict; what there is not is left
        out. Labels in the input are ignored. Raises FileNotFoundError without a checkpoint, BrokenCheckpoint, and
        ValueError where no key is one of the predictions', or predictions of a batch are of unequal length.
        """
        given, fetches = self._read(input_fn, ModeKeys.PREDICT), Fetches()
        spec = given.spec[0] if isinstance(given.spec, tuple) else given.spec
        program = self._programs.get(ModeKeys.PREDICT, spec)
        watching = self._watching(program, given, fetches, hooks)
        self._state.restore(ModeKeys.PREDICT, checkpoint_path)
        self._programs.store.begin_anew(ModeKeys.PREDICT, local_to(ModeKeys.PREDICT))
        current = self._fetching(ModeKeys.PREDICT, spec, fetches)
        found: list[Any] = []
        chance = self._state.chance()

        def take(element: Any) -> Step:
            features = element[0] if isinstance(element, tuple) else element
            with chance.used():
                made = current().run(features)
            fetches.found = {name: tensor.numpy() for name, tensor in made.fetched.items()}
            found.append(tf.nest.map_structure(lambda tensor: tensor.numpy(), chosen(made.predictions, predict_keys)))
            return Step(len(found), None)

        with closing(given):
            for _ in watched(given.elements(), take, watching):
                batch, found[-1] = found[-1], None
                yield from examples(batch) if yield_single_examples else [batch]

    def predict_once(self, features: Any) -> Any:
        """Predictions for one batch of features as NumPy arrays, by the latest checkpoint, operation by operation.

        For a few calls this takes less time than the program that `predict` has traced first. Raises
        FileNotFoundError without a checkpoint, and BrokenCheckpoint.
        """
        given = tf.nest.map_structure(tf.convert_to_tensor, features)
        if not self._programs.variables(ModeKeys.PREDICT):
            self._programs.get(ModeKeys.PREDICT, tf.nest.map_structure(tf.TensorSpec.from_tensor, given))  # makes them
        self._state.restore(ModeKeys.PREDICT, None)
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
        """Write a SavedModel into a directory of `base` that is named by the time, whole or not at all.

        `serving_input_fn()` names the features that a caller gives, with shape and type: a dict of specs, or one spec
        for a model whose features are one tensor, to be called by the spec's name or else `input`. Or it makes features
        from what a caller gives, and answers a `ServingInputReceiver`. The signatures are `serving_default`, whose
        outputs are the predictions (`output` if they are one tensor), and those of the model's `export_outputs`.
        `signatures` adds more: functions, or the names and specs of other features for the model. `assets` are
        files to copy into the export, to `assets.extra/<name>`.
        """
        more = dict(signatures or {})
        given = {name: specs for name, specs in more.items() if isinstance(specs, Mapping)}
        with tf.Graph().as_default():  # where a receiver may make its placeholders
            asked = serving_input_fn()
        check_served(asked)
        programs: dict[str, tuple[Program, Any]] = {}
        if isinstance(asked, TensorServingInputReceiver):
            programs[DEFAULT_SIGNATURE] = self._programs.receiving(serving_input_fn)
        else:
            given = {DEFAULT_SIGNATURE: asked, **given}
        for name, specs in given.items():
            programs[name] = self._programs.get(ModeKeys.PREDICT, unnamed(specs)), specs
        self._state.restore(ModeKeys.PREDICT, checkpoint_path)
        for name, (program, specs) in programs.items():
            # The model's further outputs take the features of the default signature.
            for output in program.signatures if name == DEFAULT_SIGNATURE else [DEFAULT_SIGNATURE]:
                signature = output if name == DEFAULT_SIGNATURE else name
                more[signature] = serving_function(program.answering(output), specs)
        kept = {
            "weights": list(self._programs.variables(ModeKeys.PREDICT).values()),
            "resources": [resource for program, _ in programs.values() for resource in program.resources],
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
        path = self._newest()
        keys = [key for key in checkpoints.names_in(path) if key.startswith(f"{MODEL}/")]
        found = checkpoints.values_in(path, keys)
        return {key.removeprefix(f"{MODEL}/"): value for key, value in found.items()}

    def get_variable_names(self) -> list[str]:
        """The names of what the newest checkpoint holds, of the model as it makes them: `dense/kernel`, say."""
        return sorted(name.removeprefix(f"{MODEL}/") for name in checkpoints.names_in(self._newest()))

    def get_variable_value(self, name: str) -> np.ndarray:
        """The value of a variable in the newest checkpoint; ValueError names those there are for one that is not."""
        path = self._newest()
        known = checkpoints.names_in(path)
        key = f"{MODEL}/{name}" if f"{MODEL}/{name}" in known else name
        if key not in known:
            raise ValueError(f"{path} has no variable {name!r}; there are: {', '.join(self.get_variable_names())}")
        return checkpoints.values_in(path, [key])[key]

    def _newest(self) -> str:
        path = self.latest_checkpoint()
        if path is None:
            raise FileNotFoundError(f"no checkpoint in {self.model_dir}: train first")
        return path

    def latest_checkpoint(self) -> str | None:
        """Path of the newest checkpoint in `model_dir`, or None."""
        return next(iter(self._state.checkpoints.paths()), None)

    def latest_step(self) -> int | None:
        """How many steps had been done at the newest checkpoint, or None."""
        path = self.latest_checkpoint()
        return None if path is None else checkpoints.step_of(path)

    def eval_dir(self, name: str | None = None) -> Path:
        """Where the results of the evaluations of this name are written."""
        return self.model_dir / (f"eval_{name}" if name else "eval")

    def _call(self, features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
        if labels is not None and self._asks is not None and "labels" not in self._asks:
            raise ValueError("the input has labels, and model_fn has no argument for them")
        given = dict(zip(_ASKED, (features, labels, mode, self.params, self.config), strict=True))
        return self.model_fn(**{name: value for name, value in given.items() if not self._asks or name in self._asks})

    def _read(self, input_fn: InputFn, mode: ModeKeys, strategy: Any = None) -> Input:
        given = {"params": self.params, "config": self.config, "mode": mode}
        saved = self.config.save_input and mode == ModeKeys.TRAIN
        return read(input_fn, given, strategy, self.config.seed, saved=saved)

    def _watching(self, program: Program, given: Input, fetches: Fetches, hooks: Hooks) -> list[Hook]:
        """The hooks that were given and those of the model, as the loop calls them."""
        found: list[Hook] = []
        for hook in [*(hooks or ()), *program.hooks]:
            if not isinstance(hook, Hook | SessionRunHook):
                raise TypeError(f"a hook must be a Hook or a SessionRunHook, not {type(hook).__name__}")
            found.append(hook if isinstance(hook, Hook) else Adapted(hook, program.graph, given.session, fetches))
        for one in found:
            if isinstance(one, Adapted):
                one.prepare()
        return found

    def _fetching(self, mode: ModeKeys, spec: Any, fetches: Fetches) -> Callable[[], Program]:
        """The program that answers what hooks want to see, too: traced again when they want to see more."""
        found = self._programs.get(mode, spec)

        def current() -> Program:
            nonlocal found
            if not fetches.wanted <= found.fetches:
                found = self._programs.get(mode, spec, found.fetches | fetches.wanted)
            return found

        return current
