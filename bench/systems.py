"""The systems that are compared: how each trains and answers, as commands of fresh processes."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.measured import ROOT, Cost, megabytes, run

PEERS = str(ROOT / ".venv-bench" / "bin" / "python")
OURS = ("ours-a", "ours-b")
FOR_TASK = {
    "spans": ("ours-a", "ours-b", "crfsuite", "spacy"),
    "choices": ("ours-a", "ours-b", "svm", "logistic"),
    "relations": ("ours-a", "ours-b", "svm"),
}
_PEERS = {
    ("spans", "crfsuite"): ["bench.peers.crfsuite"],
    ("spans", "spacy"): ["bench.peers.spacy_tagger"],
    ("choices", "svm"): ["bench.peers.choices", "svm"],
    ("choices", "logistic"): ["bench.peers.choices", "logistic"],
    ("relations", "svm"): ["bench.peers.relations"],
}
CAN = FOR_TASK | {"spans": (*FOR_TASK["spans"], "bilstm")}
ALL = sorted({name for names in CAN.values() for name in names})


@dataclass(frozen=True)
class Work:
    """The files of one training and its test."""

    task: str
    data: Path
    texts: Path  # what is to be answered: no more than a system may see of it
    pool: Path
    folder: Path
    spacy_seconds: float


@dataclass(frozen=True)
class Outcome:
    """What a system answered, and what that cost; sizes in megabytes."""

    answers: list[dict[str, Any]]
    trained: Cost
    answered: Cost
    size: tuple[float, float]
    said: dict[str, Any]


def measure(system: str, work: Work) -> Outcome:
    """Train and answer. Raises `measured.Failed`."""
    if system == "bilstm":
        return _bilstm(work)
    return _ours(work) if system in OURS else _peer(system, work)


def _ours(work: Work) -> Outcome:
    python = [sys.executable, "-m", "trainer.ml"]
    train = [*python, "train", "--data", str(work.data), "--model-dir", str(work.folder), "--quiet"]
    printed, trained = run([*train, "--pool", str(work.pool)])
    said = json.loads(printed.splitlines()[-1])
    given = ["--given-spans"] if work.task == "relations" else []
    answers, answered = run([*python, "predict", "--export", said["export"], *given], work.texts)
    kept = {"seconds": said["seconds"], "ece": _ece(said)}
    return Outcome(_lines(answers), trained, answered, megabytes(Path(said["export"])), kept)


def _ece(said: dict[str, Any]) -> Any:
    found = said["metrics"].get("calibration", {}).get("spans", {})
    return {key: found.get(key) for key in ("ece", "ece_before", "events")} if found else None


def _peer(system: str, work: Work) -> Outcome:
    python = [PEERS, "-m", *_PEERS[work.task, system]]
    limit = ["--seconds", str(work.spacy_seconds)] if system == "spacy" and work.spacy_seconds else []
    train = [*python, "train", "--data", str(work.data), "--model-dir", str(work.folder), *limit]
    printed, trained = run(train)
    answers, answered = run([*python, "predict", "--model-dir", str(work.folder)], work.texts)
    said = json.loads(printed.splitlines()[-1])
    return Outcome(_lines(answers), trained, answered, megabytes(work.folder), said)


def _bilstm(work: Work) -> Outcome:
    """One process, which says itself how much of its cost was training."""
    command = [sys.executable, "-m", "bench.bilstm_run", str(work.data), str(work.folder)]
    printed, cost = run(command, work.texts)
    *answers, said = _lines(printed)
    trained = Cost(said["cpu_seconds"], said["wall_seconds"], cost.peak_mb)
    answered = Cost(cost.cpu_seconds - trained.cpu_seconds, cost.wall_seconds - trained.wall_seconds, cost.peak_mb)
    return Outcome(answers, trained, answered, megabytes(work.folder), said)


def _lines(printed: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in printed.split("\n") if line.strip()]


def write(path: Path, lines: Sequence[dict[str, Any]]) -> Path:
    """The lines as a file."""
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    return path
