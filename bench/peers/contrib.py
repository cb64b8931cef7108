"""Runs a program for tf.estimator with the one name of TensorFlow 1 that 2.15 has no more: tf.contrib.predictor.

`python contrib.py PROGRAM ARGUMENTS…`. It does what that one did: it keeps the graph of the export in a session.
"""

import runpy
import sys
import types

import tensorflow as tf


class Predictor:
    """A signature of an export as a function of a dict of arrays."""

    def __init__(self, export_dir):
        graph = tf.Graph()
        with graph.as_default():
            self.session = tf.compat.v1.Session()
            signature = tf.compat.v1.saved_model.load(self.session, ["serve"], export_dir).signature_def[
                "serving_default"
            ]
        self.feeds = {name: graph.get_tensor_by_name(info.name) for name, info in signature.inputs.items()}
        self.fetches = {name: graph.get_tensor_by_name(info.name) for name, info in signature.outputs.items()}

    def __call__(self, given):
        return self.session.run(self.fetches, {self.feeds[name]: value for name, value in given.items()})


if __name__ == "__main__":
    tf.contrib = types.SimpleNamespace(predictor=types.SimpleNamespace(from_saved_model=Predictor))
    sys.argv.pop(0)
    runpy.run_path(sys.argv[0], run_name="__main__")
