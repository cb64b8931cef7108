"""Programs: a model function traced for one mode and one form of input, ready to run step by step."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import tensorflow as tf

from .config import RunConfig
from .inputs import pair_of
from .metrics import Measured, Ratio
from .pruning import Changes, pruned
from .running import KerasState, Running, collections_anew, forget_collections
from .spec import EstimatorSpec, ModeKeys, verb
from .variables import MODEL, VariableStore, outside_names, used_variables

OUTSIDE = "outside"
MOST = 8  # programs of a mode that are kept
RANDOM = ("seed_generator_state", "StateVar")  # what Keras and TensorFlow call the state of a generator


class Trained(NamedTuple):
    """What a step of training answers."""

    loss: Any
    step: Any  # how many were done with it
    shown: Any  # summaries by tag
    fetched: Any  # what hooks want to see, by name


class Evaluated(NamedTuple):
    """What a batch of an evaluation answers."""

    loss: Any
    pairs: Any  # (sum, weight) by metric
    fetched: Any


class Predicted(NamedTuple):
    """What a batch of a prediction answers."""

    predictions: Any
    outputs: Any  # by signature
    fetched: Any


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

    def answering(self, signature: str) -> Callable[[Any], Any]:
        """In PREDICT, the function from features to the outputs of one signature."""
        return lambda features: self.run(features).outputs[signature]

    def takes(self, element: Any) -> bool:
        """Whether elements of this form are of the form that it was traced for."""
        return str(element) == str(self.element) or (
            _alike(element, self.element)
            and all(one.is_subtype_of(known) for one, known in _pairs(element, self.element))
        )


class Programs:
    """Traces a model function for each mode and form of input once, over one set of variables."""

    def __init__(
        self, call: Callable[[Any, Any, ModeKeys], EstimatorSpec], config: RunConfig, strategy: Any, step: tf.Variable
    ) -> None:
        self._call, self._config, self._strategy, self._step = call, config, strategy, step
        self.store = VariableStore(strategy)
        self.outside: dict[str, tf.Variable] = {}  # used by the model, made outside the model function
        self._layers: KerasState | None = None
        self._traced: OrderedDict[tuple[ModeKeys, str, frozenset[str]], Program] = OrderedDict()

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
        alike = next((program.element for _, program in of_mode if _alike(element, program.element)), None)
        general = None if alike is None else _general(element, alike)
        if general is not None and str(general) != str(element):
            try:
                return self._keep(mode, general, wanted)
            except (TypeError, ValueError):
                pass  # it needs to know the shapes
        return self._keep(mode, element, wanted)

    def _keep(self, mode: ModeKeys, element: Any, fetches: frozenset[str]) -> Program:
        program = self._trace(mode, element, fetches)
        self._traced[mode, str(element), fetches] = program
        for key in [key for key in self._traced if key[0] == mode][:-MOST]:
            del self._traced[key]
        return program

    @collections_anew()
    def receiving(self, receive: Callable[[], Any]) -> tuple[Program, dict[str, tf.TensorSpec]]:
        """The program for PREDICT that makes the features as `receive()` does, and what it is given, by name."""
        program = Program()
        found: list[Predicted] = []
        given: dict[str, tf.Tensor] = {}

        def describe() -> tf.Tensor:
            receiver = receive()
            given.update(receiver.received)
            program.resources.extend(receiver.resources)
            found[:] = [_answer(self._described(ModeKeys.PREDICT, receiver.features, program)[1], program)]
            return tf.constant(0)

        function = self._wrapped(describe, [])
        self._finish_predicting(program, function, found[0], list(given.values()))
        run, names = program.run, list(given)
        program.run = lambda features: run(tuple(features[name] for name in names))
        specs = {name: tf.TensorSpec(tensor.shape, tensor.dtype, name=name) for name, tensor in given.items()}
        return program, specs

    @collections_anew()
    def predictions(self, features: Any) -> Any:
        """What the model function predicts of features, at once and without a program."""
        kept = [*self.store.group(MODEL).values(), *self.outside.values()]
        before = [variable.read_value() for variable in kept]
        try:
            return self._described(ModeKeys.PREDICT, features, Program())[1].predictions
        finally:
            for variable, value in zip(kept, before, strict=True):
                variable.assign(value)

    def variables(self, mode: ModeKeys) -> dict[str, tf.Variable]:
        """What a checkpoint holds for a mode, by name: the model's variables and, for training, its own."""
        found = {f"{MODEL}/{name}": variable for name, variable in self.store.group(MODEL).items()}
        found |= {f"{OUTSIDE}/{name}": variable for name, variable in self.outside.items()}
        if mode == ModeKeys.TRAIN:
            found |= {f"{mode}/{name}": variable for name, variable in self.store.group(mode).items()}
        return found

    def generators(self) -> list[tf.Variable]:
        """The variables that are the state of a generator of random numbers."""
        return [variable for variable in self.variables(ModeKeys.PREDICT).values() if _is_random(variable)]

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

    @collections_anew()
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
            fetched = _fetched(tf.compat.v1.get_default_graph(), program.fetches)
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
        found: list[EstimatorSpec] = []
        updates: dict[str, Any] = {}

        def describe(element: Any) -> tf.Tensor:
            running, spec = self._described(ModeKeys.EVAL, element, program)
            found[:] = [spec]
            with running.active(), running.private():
                for name, value in spec.metrics.items():
                    if isinstance(value, Measured):
                        program.metrics[name] = metric = value.make()
                        updates[name] = _updated(metric, value)
                    elif not isinstance(value, Ratio):
                        updates[name] = value[1]
            return tf.constant(0)

        function = self._wrapped(describe, [program.element])
        (spec,) = found
        pairs = {name: (one.total, one.weight) for name, one in spec.metrics.items() if isinstance(one, Ratio)}
        fetched = _fetched(function.graph, program.fetches)
        changes = self._changes(function)
        wanted = [("loss", spec.loss), *_named("metric", pairs), *_named("metric", updates), *fetched.items()]
        effects = changes.kept_operations(wanted)
        run = pruned(function, (spec.loss, pairs, fetched, updates), effects)
        program.graph = function.graph
        program.run = lambda element: Evaluated(*run(*_flat(element))[:3])
        states = {name: one[0] for name, one in spec.metrics.items() if isinstance(one, tuple)}
        if states:
            program.values = _last_values(function, states)

    def _trace_prediction(self, program: Program) -> None:
        answers: list[Predicted] = []

        def describe(element: Any) -> Any:
            spec = self._described(ModeKeys.PREDICT, element, program)[1]
            answers[:] = [_answer(spec, program)]
            return answers[0]

        run = tf.function(describe, autograph=False).get_concrete_function(program.element)
        self._know(run.graph)
        program.graph, program.signatures = run.graph, list(answers[0].outputs)
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
        flat = tf.nest.flatten(answer, expand_composites=True)
        effects = changes.kept_operations([(f"the prediction {tensor.name}", tensor) for tensor in flat])
        run = pruned(function, answer, effects, feeds)
        program.graph, program.signatures = function.graph, list(answer.outputs)
        program.run = lambda element: Predicted(*run(*_flat(element)))

    def _wrapped(self, describe: Callable[..., tf.Tensor], signature: list[Any]) -> Any:
        """A function traced without any order but that of the data, of which parts can be taken."""
        function = tf.compat.v1.wrap_function(describe, signature)
        self._know(function.graph)
        return function

    def _know(self, graph: Any) -> None:
        """Give names to variables that the graph uses and nobody knows yet."""
        forget_collections(graph)
        known = {id(variable) for variable in (self._step, *self.store.everything())}
        used = [variable for variable in used_variables(graph) if id(variable) not in known]
        self.outside = outside_names(used, self.outside)

    def _changes(self, function: Any) -> Changes:
        names = {**self.variables(ModeKeys.PREDICT), "global_step": self._step}
        return Changes(
            function,
            {
                id(handle): name.partition("/")[2] or name
                for name, variable in names.items()
                if not _is_random(variable)
                for handle in _handles(variable)
            },
        )

    def _described(
        self, mode: ModeKeys, element: Any, program: Program, due: tf.Tensor | None = None
    ) -> tuple[Running, EstimatorSpec]:
        pair = pair_of(element)
        features, labels = pair if isinstance(pair, tuple) else (pair, None)
        running = Running(mode, self.store, self._step, self._config.seed, self._layers or KerasState(), due)
        with running.active():
            spec = self._call(features, None if mode == ModeKeys.PREDICT else labels, mode)
        if not isinstance(spec, EstimatorSpec):
            raise TypeError(f"model_fn must return an EstimatorSpec, not {type(spec).__name__}")
        if spec.mode != mode:
            raise ValueError(f"model_fn was called for {verb(mode)} and answered for {verb(spec.mode)}")
        program.resources = [*program.resources, *(one for one in spec.resources if one not in program.resources)]
        program.hooks = list(spec.hooks)
        return running, spec


def _answer(spec: EstimatorSpec, program: Program) -> Predicted:
    """What is predicted, all of it tensors."""
    predictions, outputs = tf.nest.map_structure(tf.convert_to_tensor, (spec.predictions, spec.outputs()))
    return Predicted(predictions, outputs, _fetched(tf.compat.v1.get_default_graph(), program.fetches))


def _updated(metric: Any, measured: Measured) -> tf.Tensor:
    """Update a metric, in the order in which its method is written; returns what is ready when that is done."""
    flat = tf.nest.flatten((measured.given, dict(measured.named)))
    tensors = [at for at, value in enumerate(flat) if tf.is_tensor(value)]

    @tf.function(autograph=False)
    def update(*given: tf.Tensor) -> tf.Tensor:
        now = list(flat)
        for at, tensor in zip(tensors, given, strict=True):
            now[at] = tensor
        values, named = tf.nest.pack_sequence_as((measured.given, dict(measured.named)), now)
        metric.update_state(*values, **named)
        return tf.constant(0)

    return update(*(flat[at] for at in tensors))


def _last_values(function: Any, states: Mapping[str, tf.Tensor]) -> Callable[[], Mapping[str, Any]]:
    try:
        read = function.prune([], dict(states))
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"the values of the metrics {', '.join(states)} cannot be read after the last batch: they depend on the "
            "input. For a sum and a weight of each batch, give ratio(sum, weight)"
        ) from error
    return lambda: {name: tensor.numpy() for name, tensor in read().items()}


def _fetched(graph: Any, names: Iterable[str]) -> dict[str, tf.Tensor]:
    found = {}
    for name in sorted(names):
        try:
            found[name] = graph.get_tensor_by_name(name)
        except (KeyError, ValueError) as error:
            raise ValueError(f"a hook wants to fetch {name!r}, and no tensor of the model is called so") from error
    return found


def _named(kind: str, values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        for tensor in value if isinstance(value, tuple) else (value,):
            yield f"the {kind} {name!r}", tensor


def _flat(element: Any) -> list[Any]:
    return tf.nest.flatten(element, expand_composites=True)


def _handles(variable: Any) -> list[Any]:
    return [one.handle for one in getattr(variable, "values", None) or [variable]]


def _is_random(variable: tf.Variable) -> bool:
    return variable.name.partition(":")[0].rpartition("/")[2].startswith(RANDOM)


def _alike(one: Any, other: Any) -> bool:
    """Whether two forms differ in shapes at most."""
    try:
        tf.nest.assert_same_structure(one, other)
    except (TypeError, ValueError):
        return False
    return all(
        isinstance(a, tf.TensorSpec)
        and isinstance(b, tf.TensorSpec)
        and (a.dtype, a.shape.rank) == (b.dtype, b.shape.rank)
        for a, b in _pairs(one, other)
    )


def _general(one: Any, other: Any) -> Any:
    """A form that takes both."""
    return tf.nest.map_structure(
        lambda a, b: tf.TensorSpec(a.shape.most_specific_common_supertype([b.shape]), a.dtype), one, other
    )


def _pairs(one: Any, other: Any) -> list[tuple[Any, Any]]:
    return list(zip(tf.nest.flatten(one), tf.nest.flatten(other), strict=True))
