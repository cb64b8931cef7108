"""Unlabelled texts of a project: read from JSON lines with a `text`, and only as many as serve."""

import json
from pathlib import Path

import numpy as np

from trainer.ml.examples import DataError

# What word vectors gain from more text is little, and what it costs is not.
MOST_BYTES = 4_000_000


def read(path: Path, seed: int = 0, most: int = MOST_BYTES) -> list[str]:
    """The texts of a file, or a sample of about `most` bytes of them, the same for the same seed.

    Each line is an object with a string `text`; other keys mean nothing here. Lines that are not drawn are not looked
    at. Raises `DataError`, which names the line, and `OSError`.
    """
    share = most / max(path.stat().st_size, 1)
    chance = np.random.default_rng(seed)
    texts, left = [], most
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if left > 0 and line.strip() and (share >= 1.0 or chance.random() < share):
                text = _text(line, number)[:left]
                texts.append(text)
                left -= len(text.encode("utf-8", "surrogatepass"))
    return texts


def _text(line: bytes, number: int) -> str:
    try:
        given = json.loads(line)
    except ValueError as error:
        raise DataError(f"pool line {number}: not JSON ({error})") from None
    text = given.get("text") if isinstance(given, dict) else None
    if not isinstance(text, str):
        raise DataError(f"pool line {number}: text: missing or not a string")
    return text
