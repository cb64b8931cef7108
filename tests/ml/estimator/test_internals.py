"""What the library stands on that nobody promises to keep: when a release breaks it, these say what and where.

Each asks TensorFlow, Keras or Python for just the thing that one function needs: what fails here is the cause of what
fails elsewhere. The docstring of the function says where to look.
"""

import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import pytest
import tensorflow as tf

from trainer.ml.estimator import internals, variables
from trainer.ml.estimator.graphs import stateless_operations


def changed(function: str, what: str) -> str:
    """What a failing assertion says."""
    return f"what internals.{function} stands on has changed: {what}"


def same(found: list[Any], expected: list[Any]) -> bool:
    """Whether these are the same objects, in any order."""
    return sorted(map(id, found)) == sorted(map(id, expected))


def traced(function: Callable[..., Any]) -> Any:
    return tf.function(function, autograph=False).get_concrete_function(tf.TensorSpec([], name="x"))


@pytest.fixture
def strategy() -> tf.distribute.Strategy:
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """The functions of an export with a variable, a loop and a signature, as TensorFlow writes it."""
    module, folder = tf.Module(), tmp_path_factory.mktemp("export")
    module.factor = tf.Variable(2.0)

    def looped(x: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"y": tf.while_loop(lambda y, i: i < 3, lambda y, i: (y * module.factor, i + 1), (x, 0))[0]}

    tf.saved_model.save(module, str(folder), signatures={"looped": traced(looped)})
    (graph,) = internals.saved_model((folder / "saved_model.pb").read_bytes()).meta_graphs
    return list(graph.graph_def.library.function)


def test_used_by() -> None:
    read, written, other = (tf.Variable(1.0, trainable=False) for _ in range(3))

    function = traced(lambda x: written.assign(x + read))

    found = internals.used_by(function.graph)
    assert same(found, [read, written]), changed("used_by", f"of {[read, written]} (not {other}) it tells {found}")


def test_variable_scopes_anew() -> None:
    names: list[str] = []

    def function(x: tf.Tensor) -> tf.Tensor:
        for _ in range(2):
            with internals.variable_scopes_anew(), tf.compat.v1.variable_scope(None, "part") as scope:
                names.append(scope.name)
        return x

    traced(function)
    traced(function)

    assert names == ["part"] * 4, changed("variable_scopes_anew", f"scopes are numbered on: {names}")


def test_resources_made() -> None:
    found: list[Any] = []

    def function(x: tf.Tensor) -> tf.Tensor:
        with internals.resources_made(found):
            initializer = tf.lookup.KeyValueTensorInitializer(["a"], [1], tf.string, tf.int64)
            table = tf.lookup.StaticHashTable(initializer, -1)
        return tf.cast(table.lookup(tf.constant("a")), tf.float32) + x

    traced(function)

    assert [type(one).__name__ for one in found] == ["StaticHashTable"], changed("resources_made", f"it tells {found}")


def test_is_generator() -> None:
    states = [keras.random.SeedGenerator(1).state.value, tf.random.Generator.from_seed(1).state]
    names = [state.name for state in states]

    assert all(internals.is_generator(state) for state in states), changed("is_generator", f"they are called {names}")
    assert not internals.is_generator(tf.Variable(1.0, name="seed_generator_state"))


def test_is_made_by_an_optimizer() -> None:
    weight, made = tf.Variable(1.0), {}

    def create(following: Callable[..., tf.Variable], **request: Any) -> tf.Variable:
        made[request["name"]] = internals.is_made_by_an_optimizer()
        return following(**request)

    def function(x: tf.Tensor) -> tf.Tensor:
        with tf.variable_creator_scope(create):
            tf.compat.v1.get_variable("other", [], use_resource=True)
            tf.compat.v1.train.AdamOptimizer(0.1).minimize(weight * x, var_list=[weight])
        return x

    tf.compat.v1.wrap_function(function, [tf.TensorSpec([])])

    assert made.pop("other") is False
    assert made
    assert all(made.values()), changed("is_made_by_an_optimizer", f"of what one asks for: {made}")


def test_run_after() -> None:
    with tf.Graph().as_default():
        first, second = tf.no_op("first"), tf.no_op("second")
        internals.run_after(first, second)

        assert list(first.control_inputs) == [second], changed("run_after", "nothing waits")


def test_used_so_far_by() -> None:
    read, written, in_a_branch, later = (tf.Variable(1.0, trainable=False) for _ in range(4))
    found: list[tf.Variable] = []

    def function(x: tf.Tensor) -> tf.Tensor:
        written.assign(tf.cond(x > 0, lambda: in_a_branch + 1.0, lambda: x) + read)
        found.extend(internals.used_so_far_by(tf.no_op().graph))
        return later + 1.0

    traced(function)

    expected = [read, written, in_a_branch]
    assert same(found, expected), changed("used_so_far_by", f"of {expected} (not {later}) it tells {found}")


def test_whole(strategy: tf.distribute.Strategy) -> None:
    with strategy.scope():
        both = [tf.Variable(1.0), tf.Variable(1.0, trainable=False, synchronization=tf.VariableSynchronization.ON_READ)]
    alone = tf.Variable(1.0)

    function = tf.function(lambda: strategy.run(lambda: both[0] + both[1] + alone)).get_concrete_function()
    met = internals.used_by(function.graph)
    found = [internals.whole(one) for one in met]

    assert len(met) == 5, changed("whole", f"a function of two replicas uses other variables than their copies: {met}")
    for one in both:
        count = sum(other is one for other in found)
        assert count == 2, changed("whole", f"{count} of two copies lead to their {type(one).__name__}")
    assert internals.whole(alone) is alone, changed("whole", "what is no copy is taken for one")


def test_outside_replica(strategy: tf.distribute.Strategy) -> None:
    scopes: list[str] = []

    def replica() -> None:
        with tf.name_scope("inner"):
            scopes.append(tf.get_current_name_scope())

    tf.function(lambda: strategy.run(replica), autograph=False).get_concrete_function()

    found = [internals.outside_replica(scope) for scope in scopes]
    assert found == ["inner", "inner"], changed("outside_replica", f"the scopes of the replicas are {scopes}")


def test_function_without_number() -> None:
    def some_name(x: tf.Tensor) -> tf.Tensor:
        return x + 1.0

    one, other = (traced(some_name).name for _ in range(2))
    bare = [internals.function_without_number(tf.compat.as_str(name)) for name in (one, other)]

    assert one != other, changed("function_without_number", "functions no longer have numbers, and need none removed")
    assert bare[0] == bare[1], changed("function_without_number", f"{one!r} and {other!r} are more than numbered")
    assert bare[0].endswith("some_name"), changed("function_without_number", f"nothing is left of the name: {bare[0]}")


def test_argument_without_number(library: list[Any]) -> None:
    (condition,) = [one.signature for one in library if "while_cond" in one.signature.name]
    names = [argument.name for argument in condition.input_arg]
    number = condition.name.rpartition("_")[2]

    numbered = [name for name in names if f"_{number}_" in name]
    bare = [internals.argument_without_number(name) for name in names]
    assert numbered, changed("argument_without_number", f"no argument is numbered any more: {names}")
    assert not [name for name in bare if number in re.findall(r"\d+", name)], changed(
        "argument_without_number", f"of {names} there remain {bare}"
    )
    assert [name for name in names if name not in numbered] == [
        name for name, before in zip(bare, names, strict=True) if before not in numbered
    ], changed("argument_without_number", f"other names than numbered ones became others: {names} became {bare}")


def test_forget_number_for_name(library: list[Any]) -> None:
    (signature,) = [one for one in library if "signature_wrapper" in one.signature.name]
    attributes = [argument.attr for _, argument in sorted(signature.arg_attr.items())]

    def names() -> list[str]:
        return [one["_user_specified_name"].s.decode() for one in attributes if "_user_specified_name" in one]

    before = names()
    for one in attributes:
        internals.forget_number_for_name(one)

    assert before[:1] == ["x"], changed("forget_number_for_name", f"names of arguments are kept elsewhere: {before}")
    assert [name.isdigit() for name in before[1:]] == [True], changed(
        "forget_number_for_name", f"the variable is called otherwise than by a number: {before}"
    )
    assert names() == ["x"], changed("forget_number_for_name", f"of {before} there remain {names()}")


def test_saved_model(library: list[Any]) -> None:
    names = [one.signature.name for one in library]

    assert any("looped" in name for name in names), changed("saved_model", f"the message has other functions: {names}")


def test_layer_counts() -> None:
    keras.layers.Dense(1)
    before = internals.layer_counts()
    made = keras.layers.Dense(1)
    after = internals.layer_counts()

    expected = f"dense_{before.get('dense')}"
    assert made.name == expected, changed("layer_counts", f"a layer is called {made.name}, not {expected}")
    assert after.get("dense") == before["dense"] + 1, changed("layer_counts", "a layer made is not counted")


def test_set_layer_counts() -> None:
    before = internals.layer_counts()

    try:
        internals.set_layer_counts({"dense": 7})
        names = [keras.layers.Dense(1).name, keras.layers.Dropout(0.5).name, keras.layers.Dropout(0.5).name]
    finally:
        internals.set_layer_counts(before)

    assert names == ["dense_7", "dropout", "dropout_1"], changed("set_layer_counts", f"layers are called {names}")
    assert internals.layer_counts() == before, changed("set_layer_counts", "counts are not what they were set to")


def test_layer_path() -> None:
    paths: list[str] = []

    class Inner(keras.layers.Layer):
        def build(self, _: Any) -> None:
            paths.append(internals.layer_path())
            self.weight = self.add_weight(name="weight")

        def call(self, x: tf.Tensor) -> tf.Tensor:
            paths.append(internals.layer_path())
            return x

    model = keras.Sequential([Inner(name="inner")], name="outer")
    model(tf.zeros([1, 1]))

    assert internals.layer_path() == "", changed("layer_path", "there is a path where no layer is being built")
    assert set(paths) == {"outer/inner"}, changed("layer_path", f"in a layer in another the paths are {paths}")
    assert model.weights[0].path == "outer/inner/weight", changed("layer_path", "Keras itself makes other paths")


def test_seeded_layers() -> None:
    def seeds() -> list[Any]:
        dropout = keras.layers.Dropout(0.5)
        return [dropout.seed_generator.state.numpy().tolist(), keras.initializers.GlorotUniform().seed]

    found = []
    for seed in (1, 1, 2):
        with internals.seeded_layers(seed):
            found.append(seeds())

    assert found[0] == found[1], changed("seeded_layers", f"one seed gives several: {found[:2]}")
    assert found[0][0] != found[2][0], changed("seeded_layers", "another seed gives layers the same")
    assert found[0][1] != found[2][1], changed("seeded_layers", "another seed gives initializers the same")


def test_held_elsewhere() -> None:
    made = {name: tf.Variable(1.0) for name in "ab"}
    assert not internals.held_elsewhere(made), changed("held_elsewhere", "TensorFlow, or Python, holds a variable more")

    function = traced(lambda x: x + made["a"])
    assert not internals.held_elsewhere(made), changed("held_elsewhere", "a traced function holds what it uses")

    layer = [made["b"]]
    assert internals.held_elsewhere(made), changed("held_elsewhere", "what a list holds, too, is not counted")
    del function, layer
    assert not internals.held_elsewhere(made), changed("held_elsewhere", "what is let go of is not at once")


def test_a_tape_tells_variables_in_the_order_in_which_they_were_made(caplog: pytest.LogCaptureFixture) -> None:
    """No private part, but not what a tape is for."""
    made = [tf.Variable(1.0), tf.Variable(1), tf.Variable("one"), tf.Variable(2.0, trainable=False), tf.Variable([1.0])]

    with caplog.at_level(logging.WARNING, logger="tensorflow"):
        found = variables._oldest_first(reversed(made))

    assert [id(one) for one in found] == [id(one) for one in made], "variables._oldest_first: the order is another"
    assert not caplog.records, "variables._no_warnings: TensorFlow warns in another way"


def test_a_description_of_a_graph_tells_which_operations_have_a_state() -> None:
    """No private part, but not what such a description is for."""
    graph = tf.compat.v1.GraphDef()
    function = graph.library.function.add()
    for name in ("Add", "Less", "RandomUniform", "ReadVariableOp", "some_function_of_the_library"):
        function.node_def.add(name=name, op=name)

    assert stateless_operations(graph) == {"Add", "Less"}, "graphs.stateless_operations: definitions are not as before"


def test_all_that_is_private_is_in_one_module() -> None:
    private = re.compile(r"tensorflow\.(python|core)|keras\.src|getrefcount|(?<!self)(?<!cls)(?<=[\w\])])\._(?!_)\w+\b")
    ours = re.compile(r"\._(make|replace|asdict|fields)\b")

    modules = sorted(Path(internals.__file__).parent.glob("*.py"))
    found = [
        f"{path.name}: {line.strip()}"
        for path in modules
        if path.name != "internals.py"
        for line in path.read_text(encoding="utf-8").splitlines()
        if private.search(ours.sub("", line))
    ]

    assert len(modules) > 10
    assert not found, f"these belong into internals.py, each with a test: {found}"
