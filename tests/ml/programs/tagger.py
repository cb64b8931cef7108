"""Find people and places in sentences by a BiLSTM and a CRF, stop when that gets no better, export the best and use it.

`python tagger.py FOLDER` prints what came of it.
"""

import functools
import json
import random
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

import trainer.ml.estimator as estimator

TAGS = ["O", "PERSON", "PLACE"]
PATTERNS = ["PERSON went to PLACE", "in PLACE we met PERSON", "PERSON and PERSON like PLACE", "nobody saw it", "PLACE"]
NAMES = ["Paris", "Sydney", "Florence", "Austin", "Chelsea", "Jordan"]  # people or places, as the words around tell


# Data


def generator_fn(sentences, seed):
    chance = random.Random(seed)
    for _ in range(sentences):
        pattern = chance.choice(PATTERNS).split()
        words = [chance.choice(NAMES) if word in TAGS else word for word in pattern]
        tags = [word if word in TAGS else "O" for word in pattern]
        yield (words, len(words)), tags


def input_fn(sentences, seed, params=None, shuffle_and_repeat=False):
    params = params if params is not None else {}
    shapes = (([None], ()), [None])
    types = ((tf.string, tf.int32), tf.string)
    defaults = (("<pad>", 0), "O")
    dataset = tf.data.Dataset.from_generator(
        functools.partial(generator_fn, sentences, seed), output_shapes=shapes, output_types=types
    )
    if shuffle_and_repeat:
        dataset = dataset.shuffle(params["buffer"], seed=1).repeat(params["epochs"])
    return dataset.padded_batch(params.get("batch_size", 20), shapes, defaults).prefetch(1)


def serving_input_receiver_fn():
    words = tf.compat.v1.placeholder(dtype=tf.string, shape=[None, None], name="words")
    nwords = tf.compat.v1.placeholder(dtype=tf.int32, shape=[None], name="nwords")
    receiver_tensors = {"words": words, "nwords": nwords}
    features = {"words": words, "nwords": nwords}
    return estimator.export.ServingInputReceiver(features, receiver_tensors)


# CRF


def log_likelihood(logits, tags, lengths, transitions):
    """Of each sentence's tags: their score over that of all there could be."""
    mask = tf.sequence_mask(lengths, tf.shape(logits)[1], dtype=tf.float32)
    of_words = tf.reduce_sum(mask * tf.gather(logits, tags, batch_dims=2), 1)
    pairs = tf.gather_nd(transitions, tf.stack([tags[:, :-1], tags[:, 1:]], 2))
    of_pairs = tf.reduce_sum(mask[:, 1:] * pairs, 1)

    def step(total, word):
        scores, inside = word
        longer = tf.reduce_logsumexp(total[:, :, None] + transitions, 1) + scores
        return tf.where(inside[:, None] > 0, longer, total)

    by_word = tf.transpose(logits, [1, 0, 2])
    totals = tf.scan(step, (by_word[1:], tf.transpose(mask)[1:]), initializer=by_word[0])
    last = tf.concat([by_word[:1], totals], 0)[-1]
    return of_words + of_pairs - tf.reduce_logsumexp(last, 1)


def best_tags(logits, lengths, transitions):
    """The tags of the highest score, by Viterbi's algorithm."""
    stay = tf.range(tf.shape(logits)[2])

    def step(before, word):
        scores, inside = word
        sums = before[0][:, :, None] + transitions
        best, came_from = tf.reduce_max(sums, 1) + scores, tf.argmax(sums, 1, output_type=tf.int32)
        return tf.where(inside, best, before[0]), tf.where(inside, came_from, stay)

    by_word = tf.transpose(logits, [1, 0, 2])
    inside = tf.transpose(tf.sequence_mask(lengths, tf.shape(logits)[1]))[1:, :, None]
    start = (by_word[0], tf.zeros_like(by_word[0], tf.int32))
    best, came_from = tf.scan(step, (by_word[1:], inside), initializer=start)
    last = tf.argmax(tf.concat([by_word[:1], best], 0)[-1], 1, output_type=tf.int32)
    others = tf.scan(
        lambda tag, pointers: tf.gather(pointers, tag, batch_dims=1), came_from, initializer=last, reverse=True
    )
    return tf.transpose(tf.concat([others, last[None]], 0))


# Model


def lines_of(path, to=None):
    """A table from the lines of a file to their numbers, or back."""
    whole, number = tf.lookup.TextFileIndex.WHOLE_LINE, tf.lookup.TextFileIndex.LINE_NUMBER
    if to == "string":
        lines = tf.lookup.TextFileInitializer(path, tf.int64, number, tf.string, whole)
        return tf.lookup.StaticHashTable(lines, default_value="O")
    lines = tf.lookup.TextFileInitializer(path, tf.string, whole, tf.int64, number)
    return tf.lookup.StaticVocabularyTable(lines, num_oov_buckets=1)


def f1(precision, recall):
    """A metric out of two others."""
    return tuple(2 * p * r / tf.maximum(p + r, 1e-9) for p, r in zip(precision, recall, strict=True))


def model_fn(features, labels, mode, params):
    if isinstance(features, dict):  # from the export
        features = features["words"], features["nwords"]
    words, nwords = features
    training = mode == estimator.ModeKeys.TRAIN

    word_ids = lines_of(params["words"]).lookup(words)
    variable = tf.compat.v1.get_variable("embeddings", [params["vocabulary"] + 1, params["dim"]])
    embeddings = estimator.layers.dropout(
        tf.nn.embedding_lookup(variable, word_ids), params["dropout"], training=training
    )
    lstm = tf.keras.layers.LSTM(params["lstm_size"], return_sequences=True)
    output = tf.keras.layers.Bidirectional(lstm)(embeddings, mask=tf.sequence_mask(nwords, tf.shape(words)[1]))
    output = estimator.layers.dropout(output, rate=params["dropout"], training=training)
    logits = estimator.layers.dense(output, len(TAGS))
    crf_params = tf.compat.v1.get_variable("crf", [len(TAGS), len(TAGS)], dtype=tf.float32)
    pred_ids = best_tags(logits, nwords, crf_params)

    if mode == estimator.ModeKeys.PREDICT:
        pred_strings = lines_of(params["tags"], to="string").lookup(tf.cast(pred_ids, tf.int64))
        return estimator.EstimatorSpec(mode, predictions={"pred_ids": pred_ids, "tags": pred_strings})

    tags = tf.cast(lines_of(params["tags"]).lookup(labels), tf.int32)
    loss = tf.reduce_mean(-log_likelihood(logits, tags, nwords, crf_params))
    weights = tf.sequence_mask(nwords, tf.shape(words)[1])
    right = tf.equal(tags, pred_ids)
    precision = tf.compat.v1.metrics.precision(right, pred_ids > 0, weights)
    recall = tf.compat.v1.metrics.recall(tags > 0, right, weights)
    metrics = {
        "acc": tf.compat.v1.metrics.accuracy(tags, pred_ids, weights),
        "precision": precision,
        "recall": recall,
        "f1": f1(precision, recall),
    }
    for name, (_, update_op) in metrics.items():
        estimator.summaries.scalar(name, update_op)
    if mode == estimator.ModeKeys.EVAL:
        return estimator.EstimatorSpec(mode, loss=loss, eval_metric_ops=metrics)
    train_op = tf.compat.v1.train.AdamOptimizer(params["rate"]).minimize(
        loss, global_step=tf.compat.v1.train.get_or_create_global_step()
    )
    return estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)


def read(tags):
    return [tag.decode() for tag in tags]


def main(folder):
    vocabulary = sorted({word for pattern in PATTERNS for word in pattern.split() if word not in TAGS} | set(NAMES))
    (folder / "vocab.words.txt").write_text("\n".join(vocabulary) + "\n")
    (folder / "vocab.tags.txt").write_text("\n".join(TAGS) + "\n")
    params = {
        "dim": 16, "dropout": 0.2, "epochs": 100, "batch_size": 20, "buffer": 200, "lstm_size": 16, "rate": 0.02,
        "words": str(folder / "vocab.words.txt"), "tags": str(folder / "vocab.tags.txt"), "vocabulary": len(vocabulary),
    }  # fmt: skip
    train_inpf = functools.partial(input_fn, 200, 1, params, shuffle_and_repeat=True)
    eval_inpf = functools.partial(input_fn, 60, 2)

    cfg = estimator.RunConfig(seed=1, save_checkpoints_steps=20, keep_checkpoint_max=50)
    tagger = estimator.Estimator(model_fn, str(folder / "model"), cfg, params)
    Path(tagger.eval_dir()).mkdir(parents=True, exist_ok=True)
    hook = estimator.stop_if_no_increase_hook(tagger, "f1", 40, min_steps=60, run_every_secs=None, run_every_steps=20)
    best = estimator.BestExporter("best", serving_input_receiver_fn)
    train_spec = estimator.TrainSpec(train_inpf, hooks=[hook])
    eval_spec = estimator.EvalSpec(eval_inpf, steps=None, exporters=[best], start_delay_secs=0, throttle_secs=0)
    estimator.train_and_evaluate(tagger, train_spec, eval_spec)

    measured = tagger.evaluate(eval_inpf)
    predicted = [one["tags"].tolist() for one in tagger.predict(functools.partial(input_fn, 50, 3))]
    wanted = [tags for _, tags in generator_fn(50, 3)]
    exports = [path for path in (folder / "model" / "export" / "best").iterdir() if path.is_dir()]
    predict_fn = estimator.from_saved_model(str(sorted(exports)[-1]))
    asked = [["Paris", "went", "to", "Paris"], ["in", "Jordan", "we", "met"], ["we", "met", "Austin", "<pad>"]]
    answer = predict_fn({"words": np.array(asked), "nwords": np.array([4, 4, 3], np.int32)})
    return {
        "evaluated": {name: float(value) for name, value in measured.items()},
        "wrong": sum(read(tags)[: len(truth)] != truth for tags, truth in zip(predicted, wanted, strict=True)),
        "served": [read(tags) for tags in answer["tags"].tolist()],
        "variables": sorted(tagger.get_variable_names()),
    }


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
