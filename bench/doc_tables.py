"""The tables of the pages in `DOCS`, from the results files: `python -m bench.doc_tables`.

A table stands between `<!-- table: NAME -->` and `<!-- end of table -->`; what stands there is replaced. `--print NAME`
only shows one.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable

from bench import (
    drawn,
    effort,
    estimator,
    estimator_tables,
    growth,
    model_tables,
    models,
    profiling,
    promises,
    round_tables,
    rounds,
)
from bench.figures import Figure, table
from bench.measured import ROOT
from bench.rows import NOTHING, Row, read
from tests.ml.programs import names

DOCS = ("docs/estimator.md", "docs/models.md", "docs/performance.md")
LOOP = ROOT / "bench" / "results" / "loop.json"
PICTURE = ROOT / "docs" / "models-round.svg"
_TABLE = re.compile(r"(<!-- table: (?P<name>[a-z-]+) -->\n).*?(<!-- end of table -->)", re.DOTALL)


def main() -> int:
    """Replace every marked table, and draw the picture of a round."""
    parser = argparse.ArgumentParser(prog="python -m bench.doc_tables", description=__doc__)
    parser.add_argument("--print", choices=list(TABLES), metavar="NAME", help=f"one of {', '.join(TABLES)}")
    options = parser.parse_args()
    if options.print:
        print(TABLES[options.print]())
        return 0
    for name in DOCS:
        path = ROOT / name
        path.write_text(filled(path.read_text(encoding="utf-8"), TABLES), encoding="utf-8")
    profiled = read(profiling.RESULTS, profiling.cell)
    if profiled:
        PICTURE.write_text(profiling.picture(profiled), encoding="utf-8")
    return 0


def filled(text: str, tables: dict[str, Callable[[], str]]) -> str:
    """The text with its marked tables as they are now. Raises `KeyError` where a table is not known."""
    return _TABLE.sub(lambda found: f"{found[1]}\n{tables[found['name']]()}\n\n{found[3]}", text)


def product() -> str:
    """What `bench.loop` measured of a whole install, a table for each part."""
    parts = json.loads(LOOP.read_text(encoding="utf-8")) if LOOP.exists() else {}
    told = []
    for name, part in parts.items():
        figures = [Figure(**{key: value for key, value in one.items() if key != "met"}) for one in part["figures"]]
        where = f"{part['machine']}, {part['at'][:10]}, load average {part['load']:.1f} before it began"
        told.append(f"**{name}** ({where})\n\n{table(figures)}")
    return "\n\n".join(told) or NOTHING


def _of_task(task: str, of: Callable[[list[Row]], str]) -> Callable[[], str]:
    return lambda: of([row for row in models.read(models.RESULTS) if row["task"] == task])


def _scores(task: str) -> Callable[[], str]:
    return _of_task(task, lambda rows: model_tables.scores(rows, model_tables.FIGURE[task]))


def _costs(task: str) -> Callable[[], str]:
    return _of_task(task, model_tables.costs)


def _rounds() -> list[Row]:
    return read(rounds.RESULTS, rounds.cell)


def _growth() -> str:
    rows = read(growth.RESULTS, growth.cell)
    newest = max(rows, key=lambda row: row["at"])["code"] if rows else None
    return growth.tables([row for row in rows if row["code"] == newest])


def _effort() -> str:
    return model_tables.saved([json.loads(line) for line in effort.RESULTS.read_text(encoding="utf-8").splitlines()])


TABLES: dict[str, Callable[[], str]] = {
    "spans": _scores("spans"),
    "spans-gains": _of_task("spans", model_tables.gains),
    "spans-costs": _costs("spans"),
    "choices": _scores("choices"),
    "choices-costs": _costs("choices"),
    "relations": _scores("relations"),
    "relations-costs": _costs("relations"),
    "effort": _effort,
    "promises": lambda: promises.table(promises.read(promises.RESULTS)),
    "drawn": lambda: drawn.table(read(drawn.RESULTS, drawn.cell)),
    "rounds": lambda: round_tables.rounds(round_tables.latest(_rounds())),
    "levers": lambda: round_tables.levers(_rounds()),
    "growth": _growth,
    "profile": lambda: profiling.table(read(profiling.RESULTS, profiling.cell)),
    "product": product,
    "names": names.table,
    "estimator": lambda: estimator_tables.table(read(estimator.RESULTS, estimator.cell)),
}


if __name__ == "__main__":
    sys.exit(main())
