"""Learn to double numbers, ask the model for one number at a time, then export it and ask the export.

`python double.py FOLDER` prints what came of it.
"""

import functools
import json
import sys
from pathlib import Path

import tensorflow as tf

import trainer.ml.estimator as estimator


def model_fn(features, labels, mode, params):
    if isinstance(features, dict):  # from the export
        features = features["feature"]
    predictions = estimator.layers.dense(features, 1)
    if mode == estimator.ModeKeys.PREDICT:
        return estimator.EstimatorSpec(mode, predictions=predictions)
    loss = tf.nn.l2_loss(predictions - labels)
    if mode == estimator.ModeKeys.EVAL:
        return estimator.EstimatorSpec(mode, loss=loss)
    train_op = tf.compat.v1.train.AdamOptimizer(learning_rate=0.5).minimize(
        loss, global_step=tf.compat.v1.train.get_global_step()
    )
    return estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)


def train_generator_fn():
    for number in range(100):
        yield [number, number], [2 * number]


def train_input_fn():
    dataset = tf.data.Dataset.from_generator(
        train_generator_fn, output_types=(tf.float32, tf.float32), output_shapes=(2, 1)
    )
    return dataset.batch(20).repeat(200)


def example_input_fn(number):
    dataset = tf.data.Dataset.from_generator(
        lambda: ([number, number] for _ in range(1)), output_types=tf.float32, output_shapes=(2,)
    )
    next_element = tf.compat.v1.data.make_one_shot_iterator(dataset.batch(1)).get_next()
    return next_element, None


def serving_input_receiver_fn():
    number = tf.compat.v1.placeholder(dtype=tf.float32, shape=[None, 1], name="number")
    features = tf.tile(number, multiples=[1, 2])
    return estimator.export.ServingInputReceiver(features, {"number": number})


def my_service():
    """Whoever sends one number after another."""
    yield from range(100, 110)


def latest_in(export_dir):
    subdirs = [folder for folder in Path(export_dir).iterdir() if folder.is_dir() and "temp" not in str(folder)]
    return str(sorted(subdirs)[-1])


def main(folder):
    doubler = estimator.Estimator(model_fn, str(folder / "model"), config=estimator.RunConfig(seed=1), params={})
    doubler.train(train_input_fn)
    measured = doubler.evaluate(train_input_fn, steps=5)
    predicted = [
        float(prediction[0])
        for number in my_service()
        for prediction in doubler.predict(functools.partial(example_input_fn, number))
    ]

    doubler = estimator.Estimator(model_fn, str(folder / "model"), params={})
    doubler.export_saved_model(str(folder / "saved_model"), serving_input_receiver_fn)
    predict_fn = estimator.from_saved_model(latest_in(folder / "saved_model"))
    served = [float(predict_fn({"number": [[number]]})["output"][0, 0]) for number in my_service()]
    return {
        "evaluated": {name: float(value) for name, value in measured.items()},
        "predicted": predicted,
        "served": served,
        "variables": sorted(doubler.get_variable_names()),
    }


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
