"""Train and evaluate in turn: arrays fed through placeholders into an iterator that a hook initialises.

`python digits_experiment.py FOLDER DIGITS.npz` prints what came of it. For the file see digits.py.
"""

import json
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

import trainer.ml.estimator as estimator

HELD_OUT = 400


def model_fn(features, labels, mode, params):
    is_training = mode == estimator.ModeKeys.TRAIN
    logits = architecture(features, is_training)
    predictions = tf.argmax(logits, axis=-1)
    loss = train_op = None
    eval_metric_ops = {}
    if mode != estimator.ModeKeys.PREDICT:
        loss = tf.compat.v1.losses.sparse_softmax_cross_entropy(labels=tf.cast(labels, tf.int32), logits=logits)
        train_op = get_train_op_fn(loss, params)
        eval_metric_ops = get_eval_metric_ops(labels, predictions)
        tf.identity(eval_metric_ops["Accuracy"][1], name="seen_accuracy")
        estimator.summaries.scalar("seen_accuracy", eval_metric_ops["Accuracy"][1])
    return estimator.EstimatorSpec(
        mode=mode,
        predictions={"digit": predictions},
        loss=loss,
        train_op=train_op,
        eval_metric_ops=eval_metric_ops,
    )


def get_train_op_fn(loss, params):
    optimizer = tf.compat.v1.train.AdamOptimizer(params["learning_rate"])
    return optimizer.minimize(loss, global_step=tf.compat.v1.train.get_global_step())


def get_eval_metric_ops(labels, predictions):
    return {"Accuracy": tf.compat.v1.metrics.accuracy(labels=labels, predictions=predictions, name="accuracy")}


def architecture(inputs, is_training):
    with tf.compat.v1.variable_scope("ConvNet"):
        net = estimator.layers.conv2d(inputs, 16, 3, padding="same", activation=tf.nn.relu, name="conv1")
        net = estimator.layers.max_pooling2d(net, 2, 2)
        net = estimator.layers.conv2d(net, 32, 3, padding="same", activation=tf.nn.relu, name="conv2")
        net = estimator.layers.flatten(estimator.layers.average_pooling2d(net, 2, 2))
        net = estimator.layers.dense(net, 64, activation=tf.nn.relu, name="fc1")
        net = estimator.layers.dropout(net, rate=0.3, training=is_training)
        return estimator.layers.dense(net, 10, name="fc2")


class IteratorInitializerHook(estimator.SessionRunHook):
    """Fills the iterator once the session is there."""

    def __init__(self):
        super().__init__()
        self.iterator_initializer_func = None

    def after_create_session(self, session, coord):
        self.iterator_initializer_func(session)


def get_inputs(batch_size, images, digits, *, train):
    """An input function for these arrays, and the hook that feeds them to it."""
    iterator_initializer_hook = IteratorInitializerHook()

    def inputs():
        images_placeholder = tf.compat.v1.placeholder(images.dtype, images.shape)
        labels_placeholder = tf.compat.v1.placeholder(digits.dtype, digits.shape)
        dataset = tf.data.Dataset.from_tensor_slices((images_placeholder, labels_placeholder))
        if train:
            dataset = dataset.repeat(None).shuffle(buffer_size=2000, seed=1)
        iterator = tf.compat.v1.data.make_initializable_iterator(dataset.batch(batch_size))
        iterator_initializer_hook.iterator_initializer_func = lambda session: session.run(
            iterator.initializer, feed_dict={images_placeholder: images, labels_placeholder: digits}
        )
        return iterator.get_next()

    return inputs, iterator_initializer_hook


def main(folder, data):
    with np.load(data) as file:
        images, digits = (file["images"] / 16).astype(np.float32)[..., None], file["target"].astype(np.int64)
    order = np.random.default_rng(1).permutation(len(digits))
    learnt, held_out = order[HELD_OUT:], order[:HELD_OUT]
    params = {"learning_rate": 0.002, "n_classes": 10, "train_steps": 300}
    config = estimator.RunConfig(seed=1, model_dir=str(folder), save_checkpoints_steps=100, keep_checkpoint_max=5)
    reader = estimator.Estimator(model_fn=model_fn, params=params, config=config)
    train_input_fn, train_input_hook = get_inputs(64, images[learnt], digits[learnt], train=True)
    eval_input_fn, eval_input_hook = get_inputs(64, images[held_out], digits[held_out], train=False)
    logging_hook = estimator.LoggingTensorHook({"accuracy": "seen_accuracy"}, every_n_iter=100)
    measured, exports = estimator.train_and_evaluate(
        reader,
        estimator.TrainSpec(train_input_fn, params["train_steps"], hooks=[train_input_hook, logging_hook]),
        estimator.EvalSpec(eval_input_fn, steps=None, hooks=[eval_input_hook], start_delay_secs=0, throttle_secs=0),
    )
    predictions = reader.predict(eval_input_fn, hooks=[eval_input_hook])
    right = sum(int(one["digit"] == digit) for one, digit in zip(predictions, digits[held_out], strict=True))
    return {
        "evaluated": {name: float(value) for name, value in measured.items()},
        "exports": exports,
        "right": right,
        "variables": sorted(reader.get_variable_names()),
    }


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), sys.argv[2])))
