"""Programs: a model function traced for one mode and one form of input, ready to run step by step."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import tensorflow as tf

from .config import RunConfig
from .metrics import Measured
from .running import KerasState, Running
from .spec import EstimatorSpec, ModeKeys
from .variables import MODEL, VariableStore, outside_names, used_variables

OUTSIDE = "outside"


@dataclass
class Program:
    """A traced step. `run` takes an element of the input and, in training, whether summaries are due.

    In TRAIN it answers (loss, summaries by tag), in EVAL (loss, pairs by metric), in PREDICT (predictions, outputs
    by signature).
    """

    run: Any = None
    metrics: dict[str, Any] = field(default_factory=dict)  # Keras metrics, whose state is read after the last batch
    kinds: dict[str, str] = field(default_factory=dict)  # of the summaries
    resources: list[Any] = field(default_factory=list)

    def answering(self, signature: str) -> Callable[[Any], Any]:
        """In PREDICT, the function from features to the outputs of one signature."""
        return lambda features: self.run(features)[1][signature]


class Programs:
    """Traces a model function for each mode and form of input once, over one set of variables."""

    def __init__(
        self, call: Callable[[Any, Any, ModeKeys], EstimatorSpec], config: RunConfig, strategy: Any, step: tf.Variable
    ) -> None:
        self._call, self._config, self._strategy, self._step = call, config, strategy, step
        self.store = VariableStore(strategy)
        self.outside: dict[str, tf.Variable] = {}  # used by the model, made outside the model function
        self._layers: KerasState | None = None
        self._traced: dict[tuple[ModeKeys, str], Program] = {}

    def begin_anew(
        self, call: Callable[[Any, Any, ModeKeys], EstimatorSpec], config: RunConfig, variables: Callable[[], object]
    ) -> None:
        """Keep what is traced, and give its variables initial values: the model's those that `variables()` asks for."""
        self._call, self._config = call, config
        running = Running(ModeKeys.PREDICT, self.store, self._step, config.seed, self._layers or KerasState())
        with self.store.renewing(), running.active():
            variables()
        for mode in ModeKeys:
            self.store.begin_anew(mode)

    def get(self, mode: ModeKeys, element: Any) -> Program:
        """The program for elements of this form (their specs); tracing makes the variables."""
        if self._config.traced_for is not None:
            element = self._config.traced_for(element)
        key = (mode, str(element))
        if key not in self._traced:
            self._traced[key] = self._trace(mode, element)
        return self._traced[key]

    def predictions(self, features: Any) -> Any:
        """What the model function predicts of features, at once and without a program."""
        return self._described(ModeKeys.PREDICT, features, Program())[1].predictions

    def variables(self, mode: ModeKeys) -> dict[str, tf.Variable]:
        """What a checkpoint holds for a mode, by name: the model's variables and, for training, its own."""
        found = {f"{MODEL}/{name}": variable for name, variable in self.store.group(MODEL).items()}
        found |= {f"{OUTSIDE}/{name}": variable for name, variable in self.outside.items()}
        if mode == ModeKeys.TRAIN:
            found |= {f"{mode}/{name}": variable for name, variable in self.store.group(mode).items()}
        return found

    def _trace(self, mode: ModeKeys, element: Any) -> Program:
        first = not self._traced
        if self._layers is None:
            self._layers = KerasState.now(self._config.precision)
        program = self._traced_once(mode, element)
        if first and self.store.are_held():
            # Somebody outside may keep layers that were made or built just now, which will not ask for their
            # variables again. A second run tells them from those made inline: those ask once more.
            self.store.forget()
            program = self._traced_once(mode, element)
        known = {id(variable) for variable in (self._step, *self.store.everything())}
        used = [variable for variable in used_variables(program.run.graph) if id(variable) not in known]
        self.outside = outside_names(used, self.outside)
        return program

    def _traced_once(self, mode: ModeKeys, element: Any) -> Program:
        program = Program()
        steps: dict[ModeKeys, Callable[..., Any]] = {
            ModeKeys.TRAIN: self._train_step,
            ModeKeys.EVAL: self._eval_step,
            ModeKeys.PREDICT: self._predict_step,
        }
        function = tf.function(lambda *given: steps[mode](program, *given), autograph=False)
        due = [tf.TensorSpec([], tf.bool)] if mode == ModeKeys.TRAIN else []
        program.run = function.get_concrete_function(element, *due)
        return program

    def _train_step(self, program: Program, element: Any, due: tf.Tensor) -> Any:
        def replica(element: Any) -> Any:
            running, spec = self._described(ModeKeys.TRAIN, element, program, due)
            with tf.control_dependencies([spec.train_op]):
                loss = tf.identity(spec.loss)
            program.kinds = {tag: kind for tag, (kind, _) in running.summaries.items()}
            return loss, {tag: tensor for tag, (_, tensor) in running.summaries.items()}

        if self._strategy is None:
            loss, shown = replica(element)
        else:
            losses, shown = self._strategy.run(replica, args=(element,))
            loss = self._strategy.reduce(tf.distribute.ReduceOp.MEAN, losses, axis=None)
            shown = {tag: self._strategy.experimental_local_results(given)[0] for tag, given in shown.items()}
        with tf.control_dependencies([loss]):
            self._step.assign_add(1)
        return loss, shown

    def _eval_step(self, program: Program, element: Any) -> Any:
        running, spec = self._described(ModeKeys.EVAL, element, program)
        pairs = {name: value for name, value in spec.eval_metric_ops.items() if not isinstance(value, Measured)}
        with running.active(), running.private():
            for name, value in spec.eval_metric_ops.items():
                if isinstance(value, Measured):
                    program.metrics[name] = metric = value.make()
                    metric.update_state(*value.given, **value.named)
        return spec.loss, pairs

    def _predict_step(self, program: Program, element: Any) -> Any:
        _, spec = self._described(ModeKeys.PREDICT, element, program)
        return spec.predictions, spec.outputs()

    def _described(
        self, mode: ModeKeys, element: Any, program: Program, due: tf.Tensor | None = None
    ) -> tuple[Running, EstimatorSpec]:
        features, labels = element if isinstance(element, tuple) else (element, None)
        running = Running(mode, self.store, self._step, self._config.seed, self._layers or KerasState(), due)
        with running.active():
            spec = self._call(features, labels, mode)
        if not isinstance(spec, EstimatorSpec):
            raise TypeError(f"model_fn must return an EstimatorSpec, not {type(spec).__name__}")
        if spec.mode != mode:
            raise ValueError(f"model_fn was called for {mode.value} and answered for {spec.mode.value}")
        program.resources = list(spec.resources)
        return running, spec
