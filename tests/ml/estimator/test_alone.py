"""The library needs nothing but TensorFlow with what that brings, and NumPy."""

import subprocess
import sys
from pathlib import Path

from tests.ml.estimator import events

ROOT = Path(__file__).parents[3]

PROGRAM = """
import importlib.util, pathlib, sys
from tests.ml.estimator import doubling
from trainer.ml.estimator import Estimator, RunConfig, from_saved_model

where = pathlib.Path(sys.argv[1])
estimator = Estimator(doubling.doubled, where / "model", config=RunConfig(save_summary_steps=10))
estimator.train(doubling.numbers, max_steps=100)
estimator.evaluate(doubling.numbers, steps=2)
served = from_saved_model(estimator.export_saved_model(where / "export", doubling.serving))
print(round(float(served(x=[[5.0]])["y"][0, 0])))
print(importlib.util.find_spec("pytest"), sorted(sys.modules.keys() & {"scipy", "sklearn", "tensorboard", "django"}))
"""


def test_the_library_needs_nothing_else(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "-P", Path(__file__).with_name("alone.py"), program, tmp_path],
        env={"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.splitlines() == ["10", "None []"], done.stderr[-3000:]
    assert len(events.values(tmp_path / "model", "loss")) == 10
