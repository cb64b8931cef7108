"""Two networks against each other: one makes numbers up, one tells them from true ones, each with an optimizer.

`python two_optimizers.py FOLDER` prints what came of it.
"""

import json
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

import trainer.ml.estimator as estimator

MEAN, DEVIATION = 4.0, 0.5  # of the true numbers


def true_numbers():
    chance = np.random.default_rng(1)
    numbers = chance.normal(MEAN, DEVIATION, (2000, 1)).astype(np.float32)
    return tf.data.Dataset.from_tensor_slices(numbers).shuffle(2000, seed=1).batch(64).repeat()


def some_noise():
    return tf.data.Dataset.from_tensors(np.linspace(-2, 2, 41, dtype=np.float32)[:, None])


def generator(noise):
    with tf.compat.v1.variable_scope("generator", reuse=tf.compat.v1.AUTO_REUSE):
        hidden = estimator.layers.dense(noise, 16, activation=tf.nn.tanh, name="hidden")
        return estimator.layers.dense(hidden, 1, name="made")


def discriminator(numbers):
    with tf.compat.v1.variable_scope("discriminator", reuse=tf.compat.v1.AUTO_REUSE):
        hidden = estimator.layers.dense(numbers, 32, activation=tf.nn.relu, name="hidden")
        return estimator.layers.dense(hidden, 1, name="true")


def model_fn(features, mode, params):
    if mode == estimator.ModeKeys.PREDICT:
        return estimator.EstimatorSpec(mode, predictions={"made": generator(features)})
    made = generator(tf.random.normal(tf.shape(features), seed=1))
    of_true, of_made = discriminator(features), discriminator(made)
    entropy = tf.compat.v1.losses.sigmoid_cross_entropy
    d_loss = tf.identity(
        entropy(tf.ones_like(of_true), of_true, label_smoothing=0.2) + entropy(tf.zeros_like(of_made), of_made),
        name="d_loss",
    )
    g_loss = tf.identity(entropy(tf.ones_like(of_made), of_made), name="g_loss")

    d_op = tf.compat.v1.train.AdamOptimizer(params["d_rate"], beta1=0.5).minimize(
        d_loss, tf.compat.v1.train.get_global_step(), tf.compat.v1.trainable_variables("discriminator")
    )
    g_op = tf.compat.v1.train.AdamOptimizer(params["g_rate"], beta1=0.5).minimize(
        g_loss, var_list=tf.compat.v1.trainable_variables("generator")
    )
    with tf.control_dependencies([d_op, g_op]):
        train_op = tf.no_op()
    metrics = {
        "mean": tf.compat.v1.metrics.mean(made),
        "error": tf.compat.v1.metrics.mean_absolute_error(tf.fill(tf.shape(made), MEAN), made),
    }
    return estimator.EstimatorSpec(mode, loss=d_loss + g_loss, train_op=train_op, eval_metric_ops=metrics)


class Losses(estimator.SessionRunHook):
    """Remembers both losses of each step."""

    def begin(self):
        self.seen = []

    def before_run(self, run_context):
        return estimator.SessionRunArgs({"d": "d_loss:0", "g": "g_loss:0"})

    def after_run(self, run_context, run_values):
        self.seen.append((float(run_values.results["d"]), float(run_values.results["g"])))

    def end(self, session):
        self.seen = np.array(self.seen)


def main(folder):
    config = estimator.RunConfig(seed=1, save_checkpoints_steps=400, keep_checkpoint_max=5)
    rates = {"d_rate": 0.01, "g_rate": 0.005}
    game = estimator.Estimator(model_fn, str(folder), config, rates)
    before = game.train(true_numbers, max_steps=1).evaluate(true_numbers, steps=20)
    losses = Losses()
    game.train(true_numbers, max_steps=800, hooks=[losses])
    measured = game.evaluate(true_numbers, steps=20)
    again = game.evaluate(true_numbers, steps=20)
    made = np.array([one["made"] for one in game.predict(some_noise)])
    return {
        "before": {name: float(value) for name, value in before.items()},
        "evaluated": {name: float(value) for name, value in measured.items()},
        "evaluated again": {name: float(value) for name, value in again.items()},
        "steps seen": len(losses.seen),
        "last losses": [float(value) for value in losses.seen[-100:].mean(axis=0)],
        "made": [float(made.mean()), float(made.std())],
        "variables": sorted(game.get_variable_names()),
    }


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
