"""Real corpora where they lie beside the project, otherwise our own demo mails, in snapshot form."""

from __future__ import annotations

import os
import sys
from importlib.util import module_from_spec, spec_from_file_location
from itertools import islice
from pathlib import Path
from typing import Any

FOLDER = Path(os.environ.get("MARGINALIA_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


def load(name: str, count: int, *, language: str) -> list[dict[str, Any]]:
    """So many lines of a corpus; where the corpora are absent it says so and takes demo mails instead."""
    reader = FOLDER / "corpora.py"
    if not reader.exists():
        print(f"{name} is not at {FOLDER}: using demo mails in {language!r} instead", file=sys.stderr)
        from annotator.demo import mails

        spoken = (mail for mail in mails(count * 4, seed=count) if mail["meta"]["language"] == language)
        return list(islice(spoken, count))
    spec = spec_from_file_location("corpora", reader)
    assert spec
    assert spec.loader
    corpora = module_from_spec(spec)
    spec.loader.exec_module(corpora)
    return list(islice(corpora.CORPORA[name]["train"](), count))


def label_set(name: str, lines: list[dict[str, Any]]) -> dict[str, Any]:
    """A project's JSON that can take all the labels of these lines."""
    spans = sorted({span["label"] for line in lines for span in line["spans"]})
    relations = sorted({relation["label"] for line in lines for relation in line["relations"]})
    questions: dict[str, dict[str, Any]] = {}
    for line in lines:
        for question, chosen in line["classes"].items():
            asked = questions.setdefault(question, {"name": question, "multiple": False, "choices": set()})
            asked["choices"].update(chosen)
            asked["multiple"] |= len(chosen) != 1
    asked_sorted = [q | {"choices": sorted(q["choices"])} for q in questions.values()]
    return {"name": name, "spans": spans, "relations": relations, "questions": asked_sorted}
