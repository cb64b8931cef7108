"""Programs: a model function traced for one mode and one form of input, ready to run step by step."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np
import tensorflow as tf

from . import internals
from .answers import Evaluated, Predicted, Trained, answer_of, fetched_from, flat, last_values, named, updated
from .config import RunConfig
from .forms import alike, covers, general
from .inputs import pair_of
from .metrics import Measured, Ratio
from .pruning import Changes, pruned
from .running import KerasState, Running, forget_collections
from .spec import EstimatorSpec, ModeKeys, verb
from .variables import MODEL, VariableStore, handles_of, is_generator, local_to, outside_names, used_variables

OUTSIDE = "outside"
MOST = 8  # programs of a mode that are kept


@dataclass
class Program:
    """A traced step. `run` takes an element of the input and, in training, whether summaries are due."""

    element: Any = None  # the form of it
    run: Any = None
    graph: Any = None
    fetches: frozenset[str] = frozenset()
    metrics: dict[str, Any] = field(default_factory=dict)  # Keras metrics, whose state is read after the last batch
    values: Callable[[], Mapping[str, Any]] = dict  # of other metrics that have a state, after the last batch
    kinds: dict[str, str] = field(default_factory=dict)  # of the summaries
    signatures: list[str] = field(default_factory=list)
    hooks: Sequence[Any] = ()
    resources: list[Any] = field(default_factory=list)

    def hold(self, resources: Iterable[Any]) -> None:
        """Keep what is used, to be exported."""
        held = {id(one) for one in self.resources}
        self.resources.extend(one for one in resources if id(one) not in held)

    def answering(self, signature: str) -> Callable[[Any], Any]:
        """In PREDICT, the function from features to the outputs of one signature."""
        return lambda features: self.run(features).outputs[signature]

    def takes(self, element: Any) -> bool:
        """Whether elements of this form are of the form that it was traced for."""
        return covers(self.element, element)


class Programs:
    """Traces a model function for each mode and form of input once, over one set of variables."""

    def __init__(
        self, call: Callable[[Any, Any, ModeKeys], EstimatorSpec], config: RunConfig, strategy: Any, step: tf.Variable
    ) -> None:
        self._call, self._config, self._strategy, self._step = call, config, strategy, step
        self.store = VariableStore(strategy)
        self.outside: dict[str, tf.Variable] = {}  # used by the model, made outside the model function
        self._layers: KerasState | None = None
        self._at_once: bool | None = None  # whether the model function can predict so, once it has been tried
        self._traced: OrderedDict[tuple[ModeKeys, str, frozenset[str]], Program] = OrderedDict()

    @internals.collections_anew()
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
            self.store.begin_anew(local_to(mode))

    def get(self, mode: ModeKeys, element: Any, fetches: Iterable[str] = ()) -> Program:
        """The program for elements of this form (their specs); tracing makes the variables.

        It answers the tensors of these names, too. Where forms of the mode differ in shapes alone, the second one is
        traced with what differs left open, so that it serves the next ones; unless the model function cannot do so.
        """
        if self._config.traced_for is not None:
            element = self._config.traced_for(element)
        wanted = frozenset(fetches)
        of_mode = [(key, program) for key, program in reversed(self._traced.items()) if key[0] == mode]
        for key, program in of_mode:
            if wanted <= program.fetches and program.takes(element):
                self._traced.move_to_end(key)
                return program
        known = next((program.element for _, program in of_mode if alike(element, program.element)), None)
        wider = None if known is None else general(element, known)
        if wider is not None and str(wider) != str(element):
            try:
                return self._keep(mode, wider, wanted)
            except (TypeError, ValueError):
                pass  # it needs to know the shapes
        return self._keep(mode, element, wanted)

    def _keep(self, mode: ModeKeys, element: Any, fetches: frozenset[str]) -> Program:
        program = self._trace(mode, element, fetches)
        self._traced[mode, str(element), fetches] = program
        for key in [key for key in self._traced if key[0] == mode][:-MOST]:
            del self._traced[key]
        return program

    @internals.collections_anew()
    def receiving(self, receive: Callable[[], Any]) -> tuple[Program, dict[str, tf.TensorSpec]]:
        """The program for PREDICT that makes the features as `receive()` does, and what it is given, by name."""
        program = Program()
        found: list[Predicted] = []
        given: dict[str, tf.Tensor] = {}

        def describe() -> tf.Tensor:
            receiver = receive()
            given.update(receiver.received)
            program.hold(receiver.resources)
            spec = self._described(ModeKeys.PREDICT, receiver.features, program)[1]
            found[:] = [answer_of(spec, program.fetches)]
            return tf.constant(0)

        function = self._wrapped(describe, [])
        self._finish_predicting(program, function, found[0], list(given.values()))
        run, names = program.run, list(given)
        program.run = lambda features: run(tuple(features[name] for name in names))
        specs = {name: tf.TensorSpec(tensor.shape, tensor.dtype, name=name) for name, tensor in given.items()}
        return program, specs

    @internals.collections_anew()
    def predictions(self, features: Any) -> Any:
        """What the model function predicts of features: at once, if it can be run without a program.

        It cannot where it changes the model, which only a program can leave out, or describes what is of a graph.
        """
        if self._at_once is not False:
            with self._kept():
                found = self._predicted_at_once(features)
            self._at_once = found is not None
            if found is not None:
                return found
        with self._kept():
            spec = tf.nest.map_structure(tf.TensorSpec.from_tensor, features)
            return self.get(ModeKeys.PREDICT, spec).run(features).predictions

    def _predicted_at_once(self, features: Any) -> Any:
        """None where it cannot be; whether it changes the model is only looked at the first time."""
        kept = [variable for variable in self._whole() if not is_generator(variable)] if self._at_once is None else []
        before = [variable.read_value() for variable in kept]
        try:
            found = self._described(ModeKeys.PREDICT, features, Program())[1].predictions
        except RuntimeError:  # what TensorFlow refuses to do outside a graph; anything else, a program says again
            return None
        same = (np.array_equal(one.numpy(), value.numpy()) for one, value in zip(kept, before, strict=True))
        return found if all(same) else None

    @contextmanager
    def _kept(self) -> Iterator[None]:
        """All variables have the same values afterwards."""
        kept = self._whole()
        before = [variable.read_value() for variable in kept]
        try:
            yield
        finally:
            for variable, value in zip(kept, before, strict=True):
                variable.assign(value)

    def _whole(self) -> list[tf.Variable]:
        return [self._step, *self.variables(ModeKeys.PREDICT).values()]

    def variables(self, mode: ModeKeys) -> dict[str, tf.Variable]:
        """What a checkpoint holds for a mode, by name: the model's variables and, for training, its own."""
        found = {f"{MODEL}/{name}": variable for name, variable in self.store.group(MODEL).items()}
        found |= {f"{OUTSIDE}/{name}": variable for name, variable in self.outside.items()}
        if mode == ModeKeys.TRAIN:
            found |= {f"{mode}/{name}": variable for name, variable in self.store.group(mode).items()}
        return found

    def generators(self) -> list[tf.Variable]:
        """The variables that are the state of a generator of random numbers."""
        return [variable for variable in self.variables(ModeKeys.PREDICT).values() if is_generator(variable)]

    def _trace(self, mode: ModeKeys, element: Any, fetches: frozenset[str] = frozenset()) -> Program:
        first = not self._traced
        if self._layers is None:
            self._layers = KerasState.now(self._config.precision)
        program = self._traced_once(mode, element, fetches)
        if first and self.store.are_held():
            # Somebody outside may keep layers that were made or built just now, which will not ask for their
            # variables again. A second run tells them from those made inline: those ask once more.
            self.store.forget()
            program = self._traced_once(mode, element, fetches)
        return program

    @internals.collections_anew()
    def _traced_once(self, mode: ModeKeys, element: Any, fetches: frozenset[str]) -> Program:
        program = Program(element, fetches=fetches)
        if mode == ModeKeys.TRAIN:
            self._trace_training(program)
        elif mode == ModeKeys.EVAL:
            self._trace_evaluation(program)
        else:
            self._trace_prediction(program)
        return program

    def _trace_training(self, program: Program) -> None:
        function = tf.function(lambda *given: self._train_step(program, *given), autograph=False)
        run = function.get_concrete_function(program.element, tf.TensorSpec([], tf.bool))
        self._know(run.graph)
        program.graph, program.run = run.graph, lambda *given: Trained(*run(*given))

    def _train_step(self, program: Program, element: Any, due: tf.Tensor) -> Any:
        before = self._step.read_value()

        def replica(element: Any) -> Any:
            running, spec = self._described(ModeKeys.TRAIN, element, program, due)
            with tf.control_dependencies([spec.train_op]):
                loss = tf.identity(spec.loss)
            program.kinds = {tag: noted.kind for tag, noted in running.summaries.items()}
            fetched = fetched_from(tf.compat.v1.get_default_graph(), program.fetches)
            return loss, {tag: noted.tensor for tag, noted in running.summaries.items()}, fetched

        if self._strategy is None:
            loss, shown, fetched = replica(element)
        else:
            losses, *rest = self._strategy.run(replica, args=(element,))
            loss = self._strategy.reduce(tf.distribute.ReduceOp.MEAN, losses, axis=None)
            local = self._strategy.experimental_local_results
            shown, fetched = ({name: local(given)[0] for name, given in one.items()} for one in rest)
        with tf.control_dependencies([loss]):
            # An optimizer that was given the step has counted by itself.
            done = tf.maximum(self._step.read_value(), before + 1)
            self._step.assign(done)
        return loss, done, shown, fetched

    def _trace_evaluation(self, program: Program) -> None:
        found: list[tf.Tensor] = []
        pairs: dict[str, tuple[tf.Tensor, tf.Tensor]] = {}
        updates: dict[str, Any] = {}
        states: dict[str, tf.Tensor] = {}

        def describe(element: Any) -> tf.Tensor:
            running, spec = self._described(ModeKeys.EVAL, element, program)
            found[:] = [tf.convert_to_tensor(spec.loss)]
            with running.active(), running.private():
                for name, value in spec.metrics.items():
                    if isinstance(value, Measured):
                        program.metrics[name] = metric = value.make()
                        updates[name] = updated(metric, value)
                    elif isinstance(value, Ratio):
                        pairs[name] = tf.convert_to_tensor(value.total), tf.convert_to_tensor(value.weight)
                    else:
                        state, update = value
                        states[name] = tf.convert_to_tensor(state)
                        updates[name] = update if isinstance(update, tf.Operation) else tf.convert_to_tensor(update)
            return tf.constant(0)

        function = self._wrapped(describe, [program.element])
        (loss,) = found
        fetched = fetched_from(function.graph, program.fetches)
        changes = self._changes(function)
        wanted = [("loss", loss), *named("metric", pairs), *named("metric", updates), *fetched.items()]
        effects = changes.kept_operations(wanted)
        run = pruned(function, (loss, pairs, fetched, updates), effects)
        program.graph = function.graph
        program.run = lambda element: Evaluated(*run(*flat(element))[:3])
        if states:
            program.values = last_values(function, states)

    def _trace_prediction(self, program: Program) -> None:
        answers: list[Predicted] = []

        def describe(element: Any) -> Any:
            spec = self._described(ModeKeys.PREDICT, element, program)[1]
            answers[:] = [answer_of(spec, program.fetches)]
            return answers[0]

        run = tf.function(describe, autograph=False).get_concrete_function(program.element)
        self._know(run.graph)
        program.graph, program.signatures = run.graph, list(answers[0].outputs)
        self._export_with(program, run.graph)
        if not self._changes(run).changed:
            program.run = lambda element: Predicted(*run(element))
            return

        def describe_only(element: Any) -> tf.Tensor:
            describe(element)
            return tf.constant(0)

        self._finish_predicting(program, self._wrapped(describe_only, [program.element]), answers[0])

    def _finish_predicting(self, program: Program, function: Any, answer: Predicted, feeds: Any = None) -> None:
        """Leave out what changes the model, which is what nobody asked for."""
        changes = self._changes(function)
        wanted = [(f"the prediction {tensor.name}", tensor) for tensor in flat(answer)]
        effects = changes.kept_operations(wanted)
        run = pruned(function, answer, effects, feeds)
        program.graph, program.signatures = function.graph, list(answer.outputs)
        self._export_with(program, function.graph)
        program.run = lambda element: Predicted(*run(*flat(element)))

    def _export_with(self, program: Program, graph: Any) -> None:
        """An export holds what the model uses beside its variables: the step, and what is of predictions alone."""
        captured = {id(handle) for handle, _ in graph.captures}
        own = [self.store.group(group).values() for group in (ModeKeys.PREDICT, local_to(ModeKeys.PREDICT))]
        others = (self._step, *chain.from_iterable(own))
        program.hold(one for one in others if captured.intersection(map(id, handles_of(one))))

    def _wrapped(self, describe: Callable[..., tf.Tensor], signature: list[Any]) -> Any:
        """A function traced without any order but that of the data, of which parts can be taken."""

        def described(*given: Any) -> tf.Tensor:
            # The bodies of what it calls, branches and loops, are taken whole: with what they print or assert.
            internals.order_within_bodies(tf.compat.v1.get_default_graph())
            return describe(*given)

        function = tf.compat.v1.wrap_function(described, signature)
        self._know(function.graph)
        return function

    def _know(self, graph: Any) -> None:
        """Give names to variables that the graph uses and nobody knows yet."""
        forget_collections(graph)
        known = {id(variable) for variable in (self._step, *self.store.everything())}
        used = [variable for variable in used_variables(graph) if id(variable) not in known]
        self.outside = outside_names(used, self.outside)

    def _changes(self, function: Any) -> Changes:
        variables = {**self.variables(ModeKeys.TRAIN), "global_step": self._step}
        names = {
            id(handle): name.partition("/")[2] or name
            for name, variable in variables.items()
            if not is_generator(variable)
            for handle in handles_of(variable)
        }
        groups = [group for mode in (ModeKeys.EVAL, ModeKeys.PREDICT) for group in (mode, local_to(mode))]
        private = [one for group in groups for one in self.store.group(group).values()]
        free = {id(handle) for one in (*private, *self.generators()) for handle in handles_of(one)}
        for handle, _ in function.graph.captures:
            # A graph does not tell the variables that it only writes.
            name = None if id(handle) in names or id(handle) in free else internals.variable_of_handle(handle)
            if name is not None and not internals.is_generators_name(name):
                names[id(handle)] = name
        return Changes(function, names, [id(handle) for one in self.generators() for handle in handles_of(one)])

    def _described(
        self, mode: ModeKeys, element: Any, program: Program, due: tf.Tensor | None = None
    ) -> tuple[Running, EstimatorSpec]:
        pair = element if mode == ModeKeys.PREDICT else pair_of(element)
        features, labels = pair if isinstance(pair, tuple) and mode != ModeKeys.PREDICT else (pair, None)
        running = Running(mode, self.store, self._step, self._config.seed, self._layers or KerasState(), due)
        with running.active():
            spec = self._call(features, labels, mode)
        if not isinstance(spec, EstimatorSpec):
            raise TypeError(f"model_fn must return an EstimatorSpec, not {type(spec).__name__}")
        if spec.mode != mode:
            raise ValueError(f"model_fn was called for {verb(mode)} and answered for {verb(spec.mode)}")
        program.hold((*running.made, *spec.resources))
        program.hooks = list(spec.hooks)
        return running, spec
