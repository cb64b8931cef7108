"""What a step, a call of train() and an answer cost: `python estimator_costs.py WHAT FOLDER DIGITS.npz`.

Like the programs of tests/ml/programs, beside which `bench.estimator` lays it, it runs in TensorFlow 2.15 under the
names of there.
"""

import functools
import json
import sys
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import digits
import double
import tensorflow as tf

import trainer.ml.estimator as estimator

SHORT, LONG = 100, {"double": 3100, "digits": 400, "digits, a Dataset": 400}  # steps


def numbers():
    """The hundred numbers of double.py from memory, so that no generator is measured."""
    x = tf.range(100, dtype=tf.float32)
    return tf.data.Dataset.from_tensor_slices((tf.stack([x, x], 1), 2 * x[:, None])).batch(20).repeat()


def pictures(data):
    """What digits.get_inputs gives, as a Dataset."""
    dataset = digits.get_dataset(data, "train").repeat().shuffle(2000, seed=1).map(digits.blurred, num_parallel_calls=2)
    return dataset.batch(64).map(lambda image, label: (tf.reshape(image, (-1, 8, 8, 1)), label)).prefetch(1)


def main(what, folder, data):
    if what == "answers":
        return answers(folder)
    model_fn, input_fn = {
        "double": (double.model_fn, numbers),
        "digits": (digits.get_estimator_spec, lambda: digits.get_inputs(data, "train")),
        "digits, a Dataset": (digits.get_estimator_spec, lambda: pictures(data)),
    }[what]

    def train(steps):
        """The processor time of a call of train() in a folder of its own, in seconds."""
        config = estimator.RunConfig(save_checkpoints_steps=10**6)
        model = estimator.Estimator(model_fn, str(folder / str(steps)), config)
        began = process_time()
        model.train(input_fn, steps=steps)
        return process_time() - began

    train(2)  # what only a process' first training has to do
    short, long = train(SHORT), train(LONG[what])
    step = (long - short) / (LONG[what] - SHORT)
    return {"step_us": 1e6 * step, "call_s": short - SHORT * step}


def answers(folder):
    """Milliseconds by the clock and of the processor for one number: a new Estimator, one that is kept, the export."""
    kept = estimator.Estimator(double.model_fn, str(folder / "model"))
    kept.train(double.train_input_fn)
    kept.export_saved_model(str(folder / "saved_model"), double.serving_input_receiver_fn)
    predict_fn = estimator.from_saved_model(double.latest_in(folder / "saved_model"))

    def predicted(model):
        return list(model.predict(functools.partial(double.example_input_fn, 100)))

    return {
        "new": cost(lambda: predicted(estimator.Estimator(double.model_fn, str(folder / "model"))), 15),
        "kept": cost(lambda: predicted(kept), 15),
        "export": cost(lambda: predict_fn({"number": [[100]]}), 1000),
    }


def cost(call, times):
    call()  # the first may load what later ones find
    spent = []
    for _ in range(times):
        began, used = perf_counter(), process_time()
        call()
        spent.append((perf_counter() - began, process_time() - used))
    wall, cpu = zip(*spent, strict=True)
    return {"wall_ms": 1000 * median(wall), "cpu_ms": 1000 * median(cpu)}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])))
