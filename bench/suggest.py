"""`python -m bench.suggest EXPORT < TEXTS`: what the product would show of each text."""

from __future__ import annotations

import json
import sys

from trainer.ml.predictor import load


def main(export: str) -> int:
    """Answer the lines of standard input."""
    predictor = load(export)
    given = [json.loads(line) for line in sys.stdin if line.strip()]
    for line, answer in zip(given, predictor.suggest([line["text"] for line in given]), strict=True):
        print(json.dumps({"id": line["id"], "spans": answer["spans"]}))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
