"""What this library needs of TensorFlow, Keras and Python that none of them promises to keep.

All of it is here, and tests/ml/estimator/test_internals.py says of each function by name when a new release has changed
what it stands on. Each docstring says what is needed, why no public means gives it, and where to look then.
"""

import inspect
import random
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import tensorflow as tf

_COUNTS = "object_name_uids"
_SCOPES = (("__variable_store",), ("__varscope",))
_GENERATOR = re.compile(r"(.*/)?(seed_generator_state|StateVar)(_\d+)?:0")
_GIVEN_NAME = "_user_specified_name"
_REPLICA = re.compile(r"^replica_\d+/?")
_LAST_NUMBER = re.compile(r"_\d+$")
_PLACEHOLDER_NUMBER = re.compile(r"_\d+(?=___redundant_placeholder\d+$)")


def used_by(graph: Any) -> list[tf.Variable]:
    """The variables that a traced function's graph reads or writes, in any order.

    Needs `variables` of the graph of a function. Documents name neither it nor a function's own `variables`, which is
    the same list. Look at `FuncGraph` in tensorflow/python/framework/func_graph.py.
    """
    return list(graph.variables)


def used_so_far_by(graph: Any) -> list[tf.Variable]:
    """The variables that the graph of a function has read or written while it is still being traced, in any order.

    Needs `_watched_variables`, of which `variables` is made when all is traced. A `tf.GradientTape` opened around a
    model function would tell the trainable ones; when it was tried, all but a process' first tracing took 4 to 8 % more
    time. Look at `FuncGraph.watch_variable` in tensorflow/python/framework/func_graph.py.
    """
    return list(graph._watched_variables)


def whole(variable: tf.Variable) -> tf.Variable:
    """The variable that this is one replica's copy of; itself where it is no copy.

    Needs the weak reference `_distributed_container` at the copy's handle. A strategy tells the copies of a variable
    (`experimental_local_results`), but not the other way round, and one made outside the model function is met as
    a copy first. Look at `DistributedVariable.__init__` in tensorflow/python/distribute/values.py.
    """
    container = getattr(variable.handle, "_distributed_container", None)
    return variable if container is None else container()


def outside_replica(scope: str) -> str:
    """A name scope without the part that stands for the replica, which the first replica's has not.

    Needs to know that `MirroredStrategy` calls it replica_1, replica_2 … A replica can ask for its number, but not for
    its scope. Look at `_MirroredReplicaThread` in tensorflow/python/distribute/mirrored_run.py.
    """
    return _REPLICA.sub("", scope)


def function_without_number(name: str) -> str:
    """The name of a function in a graph without the number that it got in this process.

    Needs to know that names end in _ and a number. `tf.function` takes no name for what it traces. Look at
    `_inference_name` in tensorflow/python/eager/polymorphic_function/concrete_function.py.
    """
    return _LAST_NUMBER.sub("", name)


def argument_without_number(name: str) -> str:
    """The name of a function's argument without the number that it got in this process.

    Needs to know that the condition of a loop calls what only the loop's body reads by its own numbered name and
    ___redundant_placeholder. `tf.while_loop` takes no names for them. Look at `_build_cond_placeholders_name_prefix`
    in tensorflow/python/ops/while_v2.py.
    """
    return _PLACEHOLDER_NUMBER.sub("", name)


def forget_number_for_name(attributes: Any) -> None:
    """Leave out of the attributes of a function's argument the number that stands for a name where nobody gave one.

    Needs the attribute `_user_specified_name`: of a variable that a signature's function takes, it is a number of this
    process. `tf.saved_model.save` can leave no attribute out. Look at `TFE_Py_UID` in
    tensorflow/core/function/capture/capture_container.py.
    """
    if _GIVEN_NAME in attributes and attributes[_GIVEN_NAME].s.isdigit():
        del attributes[_GIVEN_NAME]


def saved_model(serialized: bytes) -> Any:
    """The message that saved_model.pb has.

    Needs the module of that message. TensorFlow gives public names to parts of it only, such as `MetaGraphDef`. The
    fields are a file format and stay. Look at tensorflow/core/protobuf/saved_model.proto.
    """
    from tensorflow.core.protobuf import saved_model_pb2

    return saved_model_pb2.SavedModel.FromString(serialized)


def layer_counts() -> dict[str, int]:
    """How many things Keras has named by itself in this thread, by the name that the first of them got.

    Needs Keras' global attribute object_name_uids. `keras.backend.get_uid` tells one such number and raises it; nothing
    public tells all, or sets one. Look at keras/src/utils/naming.py and keras/src/backend/common/global_state.py.
    """
    from keras.src.backend.common import global_state

    return dict(global_state.get_global_attribute(_COUNTS) or {})


def set_layer_counts(counts: Mapping[str, int]) -> None:
    """From now on, let Keras name things in this thread as if it had named so many.

    Needs what `layer_counts` needs. `keras.backend.clear_session` would set all to nought, but throws away TensorFlow's
    graph, which is being traced, too.
    """
    from keras.src.backend.common import global_state

    global_state.set_global_attribute(_COUNTS, defaultdict(int, counts))


def layer_path() -> str:
    """The names of the Keras layers that are being built or called now, outermost first, with / between.

    Needs Keras' `current_path`. A Keras variable tells its `path`, but TensorFlow's variable inside it is made before
    anybody can get at that one, and knows the last name only. Look at keras/src/backend/common/name_scope.py.
    """
    from keras.src.backend.common.name_scope import current_path

    return str(current_path())


@contextmanager
def seeded_layers(seed: int | None) -> Iterator[None]:
    """Inside, layers and initializers that are given no seed take theirs from this one.

    Needs to know that Keras draws them from Python's `random`. `keras.utils.set_random_seed` seeds that, but NumPy and
    TensorFlow as well, and cannot be undone. Look at `make_default_seed` in keras/src/random/seed_generator.py.
    """
    before = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(before)


def held_elsewhere(values: Mapping[str, object]) -> bool:
    """Whether anything but this mapping holds one of its values.

    Needs `sys.getrefcount`, which is public, to count every holder at once and to count the same for objects held in
    the same way: Python promises neither, so the same lines count an object that a mapping alone holds. Needs variables
    of TensorFlow that are held by nothing of its own. A `weakref` would tell only when the value has gone. Look at
    what Python says of `sys.getrefcount`, and at `gc.get_referrers` of a variable.
    """
    (alone,) = _holders({"": object()})
    return any(count > alone for count in _holders(values))


def _holders(values: Mapping[str, object]) -> list[int]:
    return [sys.getrefcount(value) for value in values.values()]


@contextmanager
def variable_scopes_anew() -> Iterator[None]:
    """Inside, TensorFlow's `compat.v1` knows no variable and no scope of variables yet.

    Needs the collections in which `get_variable` and `variable_scope` keep them: those of the outermost graph of a
    thread, so that names would be counted on from one traced function to the next. Nothing public empties them. Look at
    `_VARSTORE_KEY` and `_VARSCOPESTORE_KEY` in tensorflow/python/ops/variable_scope.py.
    """
    graph = tf.compat.v1.get_default_graph()
    kept = [(there, list(there)) for there in map(graph.get_collection_ref, _SCOPES)]
    for there, _ in kept:
        del there[:]
    try:
        yield
    finally:
        for there, before in kept:
            there[:] = before


@contextmanager
def resources_made(found: list[Any]) -> Iterator[None]:
    """Inside, lookup tables and the like that are made are added to the list.

    Needs the tracker by which `wrap_function` learns of them. An export has to hold them, and a model function of old
    does not tell. Look at `ResourceTracker` in tensorflow/python/trackable/resource.py.
    """
    from tensorflow.python.trackable.resource import ResourceTracker, resource_tracker_scope

    tracker = ResourceTracker()
    try:
        with resource_tracker_scope(tracker):
            yield
    finally:
        found.extend(tracker.resources)


def is_generator(variable: tf.Variable) -> bool:
    """Whether a variable is the state of a generator of random numbers.

    Needs to know that `keras.random.SeedGenerator` calls it seed_generator_state, and `tf.random.Generator` StateVar.
    Neither can be asked for the variable by somebody who did not make it. Look at both classes.
    """
    return variable.dtype.is_integer and _GENERATOR.fullmatch(variable.name) is not None


def run_after(operation: tf.Operation, other: tf.Operation) -> None:
    """Let an operation of a graph wait for another one.

    Needs `_add_control_input`. `tf.control_dependencies` is for operations that are made later. Look at `Operation` in
    tensorflow/python/framework/ops.py.
    """
    operation._add_control_input(other)


def is_made_by_an_optimizer() -> bool:
    """Whether a variable that is being made is one of an optimizer of TensorFlow's `compat.v1`.

    Needs to know that these make their variables within `apply_gradients`; what they ask for does not tell who asks.
    Look at `Optimizer` in tensorflow/python/training/optimizer.py.
    """
    code, frame = tf.compat.v1.train.Optimizer.apply_gradients.__code__, inspect.currentframe()
    while frame is not None and frame.f_code is not code:
        frame = frame.f_back
    return frame is not None
