"""Read handwritten digits by a convolutional network: one model function for all modes, tensors as input.

`python digits.py FOLDER DIGITS.npz` prints what came of it. The file holds `images`, 8 by 8 from 0 to 16, and `target`.
"""

import functools
import itertools
import json
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

import trainer.ml.estimator as estimator

HELD_OUT = 400


def get_dataset(data, mode):
    """Pictures of 64 numbers from 0 to 1 and what they show, those to learn from or the others."""
    with np.load(data) as file:
        images, digits = (file["images"] / 16).reshape(-1, 64).astype(np.float32), file["target"].astype(np.int32)
    order = np.random.default_rng(1).permutation(len(digits))
    chosen = order[HELD_OUT:] if mode == "train" else order[:HELD_OUT]
    return tf.data.Dataset.from_tensor_slices((images[chosen], digits[chosen]))


def get_inputs(data, mode, batch_size=64):
    if mode not in {"train", "eval", "infer"}:
        raise ValueError(f"mode must be train, eval or infer, not {mode}")
    dataset = get_dataset(data, mode)
    if mode == "train":
        dataset = dataset.repeat().shuffle(buffer_size=2000, seed=1)
        dataset = dataset.map(blurred, num_parallel_calls=2)
    dataset = dataset.batch(batch_size).prefetch(1)
    image, labels = tf.compat.v1.data.make_one_shot_iterator(dataset).get_next()
    image = tf.reshape(image, (-1, 8, 8, 1))
    return image, labels


def blurred(features, labels):
    """The picture with a little noise on it."""
    features += tf.random.normal(stddev=5e-2, shape=tf.shape(features), dtype=tf.float32)
    return features, labels


def get_logits(image, mode="infer"):
    training = mode == estimator.ModeKeys.TRAIN
    x = image
    for filters in (32, 64):
        x = estimator.layers.conv2d(x, filters, 3, padding="same")
        x = estimator.layers.batch_normalization(x, momentum=0.9, training=training)
        x = tf.nn.relu(x)
        x = estimator.layers.max_pooling2d(x, 3, 2)
    x = tf.reduce_mean(x, axis=(1, 2))
    return estimator.layers.dense(x, 10)


def get_estimator_spec(features, labels, mode):
    if mode not in {"train", "infer", "eval"}:
        raise ValueError(f"mode should be train, infer or eval, not {mode}")
    logits = get_logits(features, mode)
    preds = tf.argmax(logits, axis=-1)
    probs = tf.nn.softmax(logits, axis=-1)
    if mode == "infer":
        return estimator.EstimatorSpec(mode=mode, predictions={"preds": preds, "probs": probs, "image": features})

    loss = tf.compat.v1.losses.sparse_softmax_cross_entropy(labels, logits)
    optimizer = tf.compat.v1.train.AdamOptimizer(learning_rate=3e-3)
    step = tf.compat.v1.train.get_or_create_global_step()
    update_ops = tf.compat.v1.get_collection(tf.compat.v1.GraphKeys.UPDATE_OPS)
    with tf.control_dependencies(update_ops):
        train_op = optimizer.minimize(loss, global_step=step)
    accuracy = tf.compat.v1.metrics.accuracy(labels, preds)
    estimator.summaries.image("input_image", features)
    estimator.summaries.histogram("max_prob", tf.reduce_max(probs, axis=-1))
    return estimator.EstimatorSpec(
        mode=mode,
        predictions={"preds": preds, "probs": probs},
        loss=loss,
        train_op=train_op,
        eval_metric_ops={"accuracy": accuracy},
    )


def main(folder, data):
    tf.compat.v1.logging.set_verbosity(tf.compat.v1.logging.ERROR)
    inputs = functools.partial(get_inputs, data)
    config = estimator.RunConfig(seed=1, save_checkpoints_steps=150, save_summary_steps=100)
    reader = estimator.Estimator(get_estimator_spec, str(folder), config)
    reader.train(lambda: inputs("train"), max_steps=300)
    measured, again = (reader.evaluate(lambda: inputs("eval")) for _ in range(2))
    shown = list(itertools.islice(reader.predict(lambda: inputs("infer")), 100))
    digits = [int(digit) for _, digit in get_dataset(data, "infer").take(100)]
    return {
        "evaluated": {name: float(value) for name, value in measured.items()},
        "evaluated again": {name: float(value) for name, value in again.items()},
        "right": sum(int(one["preds"]) == digit for one, digit in zip(shown, digits, strict=True)),
        "image": list(shown[0]["image"].shape),
        "probs": float(shown[0]["probs"].sum()),
        "variables": sorted(reader.get_variable_names()),
    }


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), sys.argv[2])))
