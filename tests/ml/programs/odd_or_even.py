"""Tell from its spelling whether a number is odd: an endless generator, padded batches, a spec for each mode.

`python odd_or_even.py FOLDER` prints what came of it.
"""

import itertools
import json
import random
import sys
from pathlib import Path

import tensorflow as tf

import trainer.ml.estimator as estimator

ONES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
TEENS = ["thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
ALPHABET = " -abcdefghijklmnopqrstuvwxyz"
VOCAB = {character: number for number, character in enumerate(ALPHABET, start=1)}  # 0 fills the gaps


def spelt(number):
    """The English words for a number below a million."""
    if number < 20:
        return [*ONES, *TEENS][number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return TENS[tens - 2] + (f"-{ONES[ones]}" if ones else "")
    unit, name = (1000, "thousand") if number >= 1000 else (100, "hundred")
    high, low = divmod(number, unit)
    return f"{spelt(high)} {name}" + (f" {spelt(low)}" if low else "")


def generator_function(params):
    chance = random.Random(params["seed"])
    while True:
        number = chance.randrange(params["max_num"])
        word = spelt(number)
        yield [VOCAB[character] for character in word], len(word), number


def input_fn(params):
    dataset = tf.data.Dataset.from_generator(
        generator=lambda: generator_function(params),
        output_types=(tf.int64, tf.int64, tf.double),
        output_shapes=(tf.TensorShape([None]), tf.TensorShape([]), tf.TensorShape([])),
    )
    dataset = dataset.padded_batch(
        params["batch_size"], padded_shapes=(tf.TensorShape([None]), tf.TensorShape([]), tf.TensorShape([]))
    )
    return dataset.map(lambda ids, length, value: ({"sequences": ids, "lengths": length}, value % 2))


def score(features, params):
    """Above 0 where the number is odd: a look at the last letters, the last one first."""
    backwards = tf.reverse_sequence(features["sequences"], features["lengths"], seq_axis=1)
    last = tf.pad(backwards, [[0, 0], [0, params["letters"]]])[:, : params["letters"]]
    table = tf.compat.v1.get_variable("letters", [len(VOCAB) + 1, params["width"]])
    seen = tf.reshape(tf.nn.embedding_lookup(table, last), [-1, params["letters"] * params["width"]])
    hidden = estimator.layers.dense(seen, params["units"], activation=tf.nn.relu)
    return estimator.layers.dense(hidden, 1)[:, 0]


def model_fn(features, labels, mode, params):
    logits = score(features, params)
    odd = tf.cast(logits > 0, tf.double)
    loss = train_op = predictions = metrics = None
    if mode in (estimator.ModeKeys.TRAIN, estimator.ModeKeys.EVAL):
        loss = tf.compat.v1.losses.sigmoid_cross_entropy(labels, logits)
    if mode == estimator.ModeKeys.EVAL:
        metrics = {"accuracy": tf.compat.v1.metrics.accuracy(labels, odd)}
    if mode == estimator.ModeKeys.TRAIN:
        step = tf.compat.v1.train.get_global_step()
        train_op = tf.compat.v1.train.AdamOptimizer(params["rate"]).minimize(loss, global_step=step)
    if mode == estimator.ModeKeys.PREDICT:
        predictions = {"odd": odd, "probability": tf.sigmoid(logits)}
    return estimator.EstimatorSpec(
        mode=mode, predictions=predictions, loss=loss, train_op=train_op, eval_metric_ops=metrics
    )


def main(folder):
    params = {"max_num": 2000, "batch_size": 32, "seed": 1, "letters": 8, "width": 8, "units": 32, "rate": 0.01}
    config = estimator.RunConfig(seed=1, save_checkpoints_steps=100, keep_checkpoint_max=5)
    reader = estimator.Estimator(model_fn, str(folder), config, params)
    reader.train(input_fn, steps=200)
    reader.train(input_fn, steps=200)

    # Others than those it learnt from, and larger ones.
    unseen = estimator.Estimator(model_fn, str(folder), params=params | {"max_num": 1_000_000, "seed": 2})
    measured = unseen.evaluate(input_fn, steps=20)
    answers = list(itertools.islice(unseen.predict(input_fn), 40))
    asked = [value for _, _, value in itertools.islice(generator_function(unseen.params), 40)]
    return {
        "evaluated": {name: float(value) for name, value in measured.items()},
        "right": sum(int(answer["odd"]) == value % 2 for answer, value in zip(answers, asked, strict=True)),
        "keys": sorted(answers[0]),
        "variables": sorted(reader.get_variable_names()),
    }


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
