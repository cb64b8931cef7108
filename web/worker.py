"""One Celery worker, or the beat: `python -m web.worker train|suggest|io|maintenance|beat`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from celery import signals

from annotator import migrated
from web import data_dir

COMMON = ["--concurrency", "1", "--pool", "prefork"]
# Workers need not know of each other, and looking for each other costs a second at the start.
ALONE = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
OPTIONS: dict[str, list[str]] = {
    # The next run finds TensorFlow loaded and its programs traced, and nobody's suggestions wait while it loads beside
    # them. But what TensorFlow traces it keeps: past so much a fresh process takes over.
    "train": ["--max-memory-per-child", "2000000"],
    # Loading model after model grows a process; past two gigabytes a fresh one takes over between two tasks. What takes
    # ten minutes where seconds are usual hangs, and its child is replaced.
    "suggest": ["--max-memory-per-child", "2000000", "--time-limit", "600"],
    "io": [],
    "maintenance": ["--time-limit", "600"],
}
BEAT = "beat"
WARM = ("train", "suggest")


def main() -> None:
    role = sys.argv[1] if len(sys.argv) == 2 else ""
    if role not in (*OPTIONS, BEAT):
        sys.exit(f"usage: python -m web.worker {'|'.join((*OPTIONS, BEAT))}")
    if stale := os.environ.get("READY_FILE"):
        Path(stale).unlink(missing_ok=True)
    data_dir.keep_private()
    if role == "train":
        os.nice(10)  # people who label come first
    if role in WARM:
        os.environ["WARM_TENSORFLOW"] = "1"
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # its threads spin while TensorFlow's are at work
    signals.worker_ready.connect(_announce)
    signals.beat_init.connect(_announce)
    from django.conf import settings

    from trainer import encoding, queues
    from trainer.celery import app

    try:
        migrated.refuse_newer(settings.DATABASE_URL, settings.INSTALLED_APPS)
    except migrated.NewerDatabase as problem:
        sys.exit(f"marginalia: {problem}")
    if role in WARM and (lacking := encoding.problem()):
        sys.exit(f"marginalia: {lacking}")
    if role == BEAT:
        app.start(["beat"])
    served = ",".join(queues.SERVED[role])
    app.start(["worker", "-Q", served, "-n", f"{role}@%h", *OPTIONS[role], *COMMON, *ALONE])


def _announce(**_: Any) -> None:
    """Tell the launcher, or a container's health check, that work is taken from now on."""
    if path := os.environ.get("READY_FILE"):
        Path(path).touch()


if __name__ == "__main__":
    main()
