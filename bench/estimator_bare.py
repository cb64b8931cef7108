"""The models of double.py and digits.py without an Estimator: `python estimator_bare.py HOW WHAT FOLDER DIGITS.npz`.

HOW is `loop`, a tf.function and the loss read after each step, or Keras `fit`. Inputs are those of estimator_costs.py.
"""

import json
import sys
from time import process_time

import estimator_costs
import keras
import tensorflow as tf


def double():
    return keras.Sequential([keras.layers.Dense(1)]), keras.optimizers.Adam(0.5), half_squares


def half_squares(wanted, given):
    return tf.nn.l2_loss(given - wanted)


def digits():
    model = keras.Sequential()
    for filters in (32, 64):
        model.add(keras.layers.Conv2D(filters, 3, padding="same"))
        model.add(keras.layers.BatchNormalization(momentum=0.9))
        model.add(keras.layers.ReLU())
        model.add(keras.layers.MaxPooling2D(3, 2))
    model.add(keras.layers.GlobalAveragePooling2D())
    model.add(keras.layers.Dense(10))
    return model, keras.optimizers.Adam(3e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def loop(made, dataset, steps):
    model, optimizer, loss_fn = made
    model.build(dataset.element_spec[0].shape)
    optimizer.build(model.trainable_variables)

    @tf.function
    def step(features, labels):
        with tf.GradientTape() as tape:
            loss = loss_fn(labels, model(features, training=True))
        weights = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return loss

    for batch in dataset.take(steps):
        step(*batch).numpy()


def fit(made, dataset, steps):
    model, optimizer, loss_fn = made
    model.compile(optimizer, loss_fn)
    model.fit(dataset, epochs=1, steps_per_epoch=steps, verbose=0)


def main(how, what, data):
    make, dataset = {
        "double": (double, estimator_costs.numbers),
        "digits, a Dataset": (digits, lambda: estimator_costs.pictures(data)),
    }[what]

    def train(steps):
        began = process_time()
        {"loop": loop, "fit": fit}[how](make(), dataset(), steps)
        return process_time() - began

    train(2)
    short, long = train(estimator_costs.SHORT), train(estimator_costs.LONG[what])
    step = (long - short) / (estimator_costs.LONG[what] - estimator_costs.SHORT)
    return {"step_us": 1e6 * step, "call_s": short - estimator_costs.SHORT * step}


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:3], sys.argv[4])))
