#!/usr/bin/env bash
# TensorFlow 2.21.0 (CPU), Python 3.11.
#
# Expected: `meta_info_def.stripped_op_list` of a SavedModel describes the operations that its graph uses, as its comment says: whoever
#   reads it knows what a runtime must have, and which operations keep a state.
# Seen: of a model with a loop and a branch, it has the operations of the graph and of the functions that the graph calls, but none that
#   only the body of the loop or a side of the branch uses, though both are functions in the same file. The model loads and runs.
# What follows: go through the library of functions (`graph_def.library.function`) for what a model uses. Where their descriptions are
#   wanted, `tf.compat.v1.train.export_meta_graph` gives them for a graph that names each operation itself.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check tensorflow-cpu==2.21.0 keras==3.15.1 numpy==2.4.6
TF_CPP_MIN_LOG_LEVEL=3 venv/bin/python - <<'PYTHON'
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

module = tf.Module()


@tf.function(input_signature=[tf.TensorSpec([])], autograph=False)
def model(x: tf.Tensor) -> tf.Tensor:
    looped = tf.while_loop(lambda y: y < 100.0, lambda y: (tf.nn.softplus(y) * 2.0,), (x,))[0]
    return tf.cond(looped > 0.0, lambda: tf.math.erf(looped), lambda: tf.math.sinh(looped)) + tf.cosh(x)


module.model = model
tf.saved_model.save(module, "model")
with open("model/saved_model.pb", "rb") as file:
    (graph,) = saved_model_pb2.SavedModel.FromString(file.read()).meta_graphs

library = graph.graph_def.library.function
own = {function.signature.name for function in library}
used = {node.op for node in graph.graph_def.node} | {node.op for function in library for node in function.node_def}
listed = {operation.name for operation in graph.meta_info_def.stripped_op_list.op}
missing = sorted(used - own - listed)
print(f"used: {len(used - own)}; listed: {len(listed)}; used and not listed: {', '.join(missing)}")
print(f"the model answers {tf.saved_model.load('model').model(tf.constant(1.0)).numpy():.4f}")

assert {"Softplus", "Less", "Erf", "Sinh"} <= set(missing)
assert "Cosh" in listed
print("as described")
PYTHON
