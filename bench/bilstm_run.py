"""`python -m bench.bilstm_run LABELLED MODEL_DIR < TEXTS`: answers, and last what training cost."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from bench.bilstm import train


def main(data: str, model_dir: str) -> int:
    """Train on all lines of a file, then answer standard input in one go."""
    began = time.perf_counter()
    with Path(data).open(encoding="utf-8") as file:
        trained = train([json.loads(line) for line in file], Path(model_dir))
    cost = {"cpu_seconds": time.process_time(), "wall_seconds": time.perf_counter() - began}
    given = [json.loads(line) for line in sys.stdin if line.strip()]
    for line, answer in zip(given, trained.predict([line["text"] for line in given]), strict=True):
        print(json.dumps({"id": line["id"], "spans": answer["spans"]}))
    print(json.dumps(cost))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
