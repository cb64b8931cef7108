"""One training in this process, and where its processor time goes: `python -P bench/sampling.py OUT ARGUMENT...`.

It runs `trainer.ml` of whatever build PYTHONPATH names, so it imports nothing else that is ours. A thread looks 200
times a second at what the main thread is in, and charges all processor time since the last look to it: TensorFlow's
threads work while the main one waits for them. Nothing of the build is wrapped or changed.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import defaultdict
from pathlib import Path
from types import CodeType, FrameType

EVERY_SECONDS = 0.005
OURS = ("trainer/ml/", "words/")
OTHER = "other"
# The first part that any frame of the stack belongs to counts. Each is a list of files, some with one function; of all
# builds that are sampled, so that not every one has each.
PARTS: dict[str, tuple[tuple[str, str], ...]] = {
    "imports": (("<frozen importlib._bootstrap>", ""),),
    "check of the export": (("trainer/ml/exporting.py", "_verify"), ("trainer/ml/exporting.py", "verified")),
    "export": (
        ("trainer/ml/exporting.py", ""),
        ("trainer/ml/estimator/exports.py", ""),
        ("trainer/ml/estimator/values.py", ""),
        ("trainer/ml/serving.py", ""),
    ),
    "calibration, scores": (
        ("trainer/ml/calibration.py", ""),
        ("trainer/ml/thresholds.py", ""),
        ("trainer/ml/reliability.py", ""),
        ("trainer/ml/training.py", "_calibration"),
        ("trainer/ml/training.py", "_measure"),
    ),
    "tracing": (("trainer/ml/estimator/programs.py", "_trace"),),
    "steps": (("trainer/ml/fitting.py", "_train"),),
    "answers out of fold": (("trainer/ml/fitting.py", "_held_answers"),),
    "second opinions": (("trainer/ml/fitting.py", "_rough"), ("trainer/ml/opinions.py", "")),
    "word vectors": (("trainer/ml/vectors.py", ""), ("trainer/ml/vector_cache.py", "")),
    "reading": (
        ("trainer/ml/batches.py", ""),
        ("trainer/ml/bundles.py", ""),
        ("trainer/ml/examples.py", ""),
        ("trainer/ml/pool.py", ""),
        ("trainer/ml/round.py", ""),
    ),
}
_RANKS = [(name, place) for name, places in PARTS.items() for place in places]


class Sampler:
    """Seconds by part, and by function of what no part holds."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.unknown: defaultdict[str, float] = defaultdict(float)
        self._ranks: dict[CodeType, int] = {}
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._over = threading.Event()
        self._main = threading.main_thread().ident
        self._used = 0.0  # so that what Python itself took to start is charged, too

    def __enter__(self) -> Sampler:
        self._charge("imports")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(EVERY_SECONDS):
            frame = sys._current_frames().get(self._main or 0)
            if frame is not None:
                self._charge(*self._place(frame))

    def _charge(self, part: str, function: str = "") -> None:
        used = time.process_time()
        self.seconds[part] += used - self._used
        if part == OTHER:
            self.unknown[function] += used - self._used
        self._used = used

    def _place(self, innermost: FrameType) -> tuple[str, str]:
        """The part that a stack belongs to, and its innermost function of ours."""
        frame: FrameType | None = innermost
        rank, function = len(_RANKS), ""
        while frame is not None:
            code = frame.f_code
            rank = min(rank, self._rank(code))
            if not function and any(folder in code.co_filename for folder in OURS):
                function = f"{Path(code.co_filename).name} {code.co_name}"
            frame = frame.f_back
        return (_RANKS[rank][0] if rank < len(_RANKS) else OTHER), function

    def _rank(self, code: CodeType) -> int:
        if code not in self._ranks:
            fits = (
                rank
                for rank, (_, (file, function)) in enumerate(_RANKS)
                if code.co_filename.endswith(file) and function in ("", code.co_name)
            )
            self._ranks[code] = next(fits, len(_RANKS))
        return self._ranks[code]


def main(out: str, *arguments: str) -> int:
    """Run a command of `trainer.ml` and write what was seen to a file."""
    with Sampler() as sampler:
        from trainer.ml.__main__ import main as run

        code = run(arguments)
    unknown = sorted(sampler.unknown.items(), key=lambda item: -item[1])[:8]
    Path(out).write_text(json.dumps({"seconds": sampler.seconds, "unknown": unknown}), encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
