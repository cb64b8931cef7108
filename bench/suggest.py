"""`python -m bench.suggest EXPORT [--all] < TEXTS`: what the product would show of each text.

With `--all` the schema comes first, and each line tells all that was found, too, with the shares of all choices.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import tensorflow as tf

from trainer.ml.predictor import Predictor, load


def main(export: str, *flags: str) -> int:
    """Answer the lines of standard input."""
    predictor = load(export)
    given = [json.loads(line) for line in sys.stdin if line.strip()]
    texts = [line["text"] for line in given]
    told = _all(predictor, export, texts) if "--all" in flags else [{} for _ in texts]
    if "--all" in flags:
        print(json.dumps(predictor.schema.to_dict()))
    for line, answer, more in zip(given, predictor.suggest(texts), told, strict=True):
        shown = {"shown": answer, **more} if more else {"spans": answer["spans"]}
        print(json.dumps({"id": line["id"], **shown}))
    return 0


def _all(predictor: Predictor, export: str, texts: list[str]) -> list[dict[str, Any]]:
    """What was found; and of several choices also those that are rather not chosen, which only the signature tells."""
    model = tf.saved_model.load(export)
    outputs = model.signatures["serving_default"](text=tf.constant(texts, tf.string))
    told: list[dict[str, Any]] = [{"all": answer, "shares": {}} for answer in predictor(texts)]
    for index, question in enumerate(predictor.columns.questions):
        for row, shares in zip(told, outputs[f"choice_{index}"].numpy().tolist(), strict=True):
            both = sorted(zip(shares, question.choices, strict=True), reverse=True)
            row["shares"][question.name] = [{"label": choice, "score": share} for share, choice in both]
    return told


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
