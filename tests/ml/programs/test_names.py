"""The programs here and for TensorFlow 2.15 differ in names only, and the names are those of docs/estimator.md."""

import importlib
import inspect
import re
from pathlib import Path

import pytest

import trainer.ml.estimator as estimator
from tests.ml.programs import names

HERE = Path(__file__).parent
PROGRAMS = [path for path in sorted(HERE.glob("*.py")) if not path.name.startswith(("test_", "names", "left"))]
PAGE = HERE.parents[2] / "docs" / "estimator.md"


@pytest.mark.parametrize("name", names.NAMES, ids=lambda name: name.here)
def test_every_name_is_there(name: names.Renamed) -> None:
    dotted, _, argument = name.here.partition("(")

    if dotted.startswith("import "):
        found = importlib.import_module(dotted.split()[1])
    else:
        found = estimator
        for attribute in dotted.split(".")[1:]:
            found = getattr(found, attribute)

    assert found is not None
    assert not argument or argument.rstrip("=") in inspect.signature(found).parameters


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_nothing_but_names_differs(path: Path) -> None:
    here = path.read_text(encoding="utf-8")

    knew = names.as_known(here)

    back = knew
    for name in sorted(names.NAMES, key=lambda name: -len(name.knew)):
        back = back.replace(name.knew, name.here)
    assert back == here
    assert names.NAMES[0].knew in knew
    assert "tf.estimator.Estimator(" in knew
    assert re.findall(r"(?<![\w.])estimator\.\w+", knew) == []  # each name has its pair


def test_a_name_is_not_taken_for_the_beginning_of_another() -> None:
    text = (
        "estimator.EstimatorSpec(), estimator.Estimator(model_fn, my.estimator.Estimator, estimator.RunConfig(seed=1))"
    )

    knew = names.as_known(text)

    assert knew == (
        "tf.estimator.EstimatorSpec(), tf.estimator.Estimator(model_fn, my.estimator.Estimator, "
        "tf.estimator.RunConfig(tf_random_seed=1))"
    )


def test_the_page_has_the_same_names() -> None:
    page = PAGE.read_text(encoding="utf-8")
    marked = re.search(r"<!-- table: names -->\n(.*?)<!-- end of table -->", page, re.DOTALL)

    rows = re.findall(r"^\| `(.+?)` \| `(.+?)` \| (.*) \|$", marked[1], re.MULTILINE)

    assert [names.Renamed(*row) for row in rows] == names.NAMES, "run python -m bench.doc_tables"
    assert marked[1].strip() == names.table(), "run python -m bench.doc_tables"
