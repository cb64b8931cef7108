#!/usr/bin/env bash
# TensorFlow 2.21.0 (CPU), Python 3.11.
#
# Expected: tf.random.set_seed sets a number that random operations begin with. A program that was traced, and has no random operation in
#   it, is none of its business.
# Seen: it throws away all kernels that the process has made. The next call of every traced program builds its own anew: nothing is traced
#   again, so no count of traces and no warning shows it, but a call that took 2 ms took 1.2 s, once after each seed.
# What follows: in a process that trains again and again with programs that it keeps, set no seed, or set it once at the start. Our
#   Estimator sets one only where a RunConfig names it; a second training in one process took 3.8 seconds of processor time instead of 6.8.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check tensorflow-cpu==2.21.0 keras==3.15.1 numpy==2.4.6
TF_CPP_MIN_LOG_LEVEL=3 venv/bin/python - <<'PYTHON'
from statistics import median
from time import perf_counter

import tensorflow as tf


@tf.function(autograph=False)
def program(x: tf.Tensor) -> tf.Tensor:
    for step in range(1500):
        x = tf.tanh(tf.matmul(x, x) * (1.0 / (step + 2)))
    return x


def seconds(of: tf.Tensor) -> float:
    began = perf_counter()
    program(of).numpy()
    return perf_counter() - began


given = tf.eye(4)
seconds(given)
kept = [seconds(given) for _ in range(9)]
seeded = []
for _ in range(5):
    tf.random.set_seed(7)
    seeded.append(seconds(given))
again = [seconds(given) for _ in range(9)]
traces = program.experimental_get_tracing_count()
print(f"a call: {1000 * median(kept):.1f} ms; the first after a seed: {1000 * median(seeded):.1f} ms; then {1000 * median(again):.1f} ms; traces: {traces}")

assert traces == 1
assert median(seeded) > 20 * median(kept)
assert median(again) < 0.2 * median(seeded)
print("as described")
PYTHON
