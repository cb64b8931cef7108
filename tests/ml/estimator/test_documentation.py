"""The example in docs/estimator.md runs as it stands there, and the page names all there is."""

import re
from pathlib import Path

import numpy as np
import pytest

import trainer.ml.estimator

PAGE = (Path(__file__).parents[3] / "docs" / "estimator.md").read_text(encoding="utf-8")


def test_the_example_runs_and_learns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    monkeypatch.chdir(tmp_path)

    there: dict[str, object] = {"__name__": "example"}
    exec(compile(example, "docs/estimator.md", "exec"), there)  # its own page

    np.testing.assert_allclose(there["answer"], [[2.5], [-1.0]], atol=0.2)


def test_each_file_of_the_page_is_there() -> None:
    package = Path(trainer.ml.estimator.__file__).parent

    named = set(re.findall(r"`(\w+\.py)`", PAGE))

    assert named
    assert {name for name in named if not (package / name).exists()} == set()


def test_all_that_is_public_has_a_docstring_of_its_own() -> None:
    for name in trainer.ml.estimator.__all__:
        assert (getattr(trainer.ml.estimator, name).__doc__ or "").strip(), name
