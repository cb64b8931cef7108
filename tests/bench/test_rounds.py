"""What a round costs is charged to the right phase and part, compared fairly, and told as it was measured."""

import ast
import os
import sys
import time
from typing import Any

import pytest

from bench import bars, doc_tables, growth, round_tables, sampling
from bench.builds import laid_out
from bench.measured import ROOT, Failed, run
from bench.phases import START, Phases

TELLS = """
import json, sys

print("a warning", file=sys.stderr)
for told in ({"phase": "prepare"}, {"phase": "train", "step": 1}, {"phase": "train", "step": 2}, {"phase": "export"}):
    print(json.dumps(told), file=sys.stderr, flush=True)
print("done")
"""


def pair(size: str, cpu: tuple[float, float], f1: tuple[float, float], **given: Any) -> dict[str, Any]:
    """A row of results: what was, and what is."""
    runs = [
        {"build": which, "cpu": seconds, "wall": 2 * seconds, "peak_mb": 900, "load": 1.0, "others": 0.5}
        | {"phases": {"start": {"cpu": 3.0, "wall": 3.0}, "train": {"cpu": seconds - 3, "wall": seconds}}}
        for which, seconds in zip(("before", "after"), cpu, strict=True)
    ]
    builds = {"before": "5de96ea", "after": "now", "before_code": "a", "after_code": "b", "lever": ""}
    scores = {"before": {"f1": f1[0]}, "after": {"f1": f1[1]}}
    measured = {"lines": 50, "tokens": 1000, "tested": 300, "runs": runs, "scores": scores, "at": "2026-11-30T12:00:00"}
    return builds | {"corpus": "one", "size": size, "sample": 1, "task": "spans"} | measured | given


def test_phases_of_a_command_add_up_to_its_processor_time() -> None:
    phases = Phases()

    printed, cost = run([sys.executable, "-c", TELLS], listener=phases.listen)
    told = phases.ended(cost.cpu_seconds)

    assert printed == "done\n"
    assert list(told) == [START, "prepare", "train", "export"]
    assert sum(phase["cpu"] for phase in told.values()) == pytest.approx(cost.cpu_seconds, abs=0.03)


def test_a_phase_is_charged_with_what_was_used_until_the_next() -> None:
    phases, this = Phases(), os.getpid()

    phases.listen(b'{"phase": "train", "step": 1}\n', this)
    until = time.process_time() + 0.1
    while time.process_time() < until:
        phases.listen(b'{"phase": "train", "step": 2}\n', this)
    phases.listen(b'{"phase": "export"}\n', this)
    told = phases.ended(time.process_time())

    assert told["train"]["cpu"] == pytest.approx(0.1, abs=0.05)


def test_a_command_that_is_listened_to_says_why_it_failed() -> None:
    heard: list[bytes] = []

    with pytest.raises(Failed, match="because"):
        run([sys.executable, "-c", "raise SystemExit('because')"], listener=lambda line, _: heard.append(line))

    assert heard == [b"because\n"]


def test_a_commit_is_laid_out_beside_the_working_tree() -> None:
    with laid_out("HEAD") as build, laid_out(".") as here:
        assert (build.root / "trainer" / "ml" / "training.py").exists()
        assert build.root != here.root == ROOT

    assert not build.root.exists()
    with pytest.raises(Failed, match="no-such-commit"), laid_out("no-such-commit"):
        pass


def test_a_size_is_judged_by_its_median_and_all_small_ones_by_what_they_lose() -> None:
    rows = [
        pair("50", (20.0, 6.0), (50.0, 49.0)),
        pair("50", (20.0, 8.0), (60.0, 60.0), sample=2),
        pair("50", (40.0, 10.0), (60.0, 61.0), corpus="two"),
        pair("22000t", (40.0, 30.0), (80.0, 70.0)),
    ]

    of_50, large, together = round_tables.by_size(rows).splitlines()[2:]

    assert "| 0.30 (0.25–0.40) | ≤ 0.35 | yes |" in of_50
    assert "| 0.75 (0.75–0.75) | ≤ 0.5 | **no** |" in large
    # The mean of two corpora, one of them the mean of its two samples; the large sample has no part in it.
    assert "+0.2 (one -0.5, two +1.0), aim ≥ −0.5: yes" in together


def test_phases_of_a_build_add_up_to_all() -> None:
    rows = [pair("50", (20.0, 6.0), (50.0, 50.0)), pair("50", (30.0, 9.0), (50.0, 50.0), sample=2)]

    before, after = round_tables.by_phase(rows).splitlines()[2:]

    assert before == "| 50 | 5de96ea | 3.0 | 22.0 | 25.0 |"
    assert after == "| 50 | now | 3.0 | 4.5 | 7.5 |"


def test_the_build_measured_last_is_shown_and_levers_by_themselves() -> None:
    old = pair("50", (20.0, 20.0), (50.0, 50.0), at="2026-11-29T12:00:00", after="then", after_code="c")
    new = pair("50", (20.0, 5.0), (50.0, 50.0))
    lever = pair("50", (20.0, 16.0), (50.0, 51.0), at="2026-11-30T13:00:00", lever="folds together", after_code="d")

    shown = round_tables.latest([old, lever, new])

    assert shown == [new]
    assert round_tables.levers([old, lever, new]).splitlines()[2:] == [
        "| folds together | 5de96ea → now | 0.80; +1.0 [1] |"
    ]


def test_made_up_documents_hold_what_is_to_grow() -> None:
    load = growth.Load(documents=100, length=30, labels=20)

    made = list(growth.documents(load, seed=1))
    asked = list(growth.documents(growth.Load(documents=10, labels=0, choices=5), seed=1))

    assert [len(line["text"].split()) for line in made] == [30] * 100
    assert len({span["label"] for line in made for span in line["spans"]}) == 20
    assert all(line["text"][s["start"] : s["end"]].istitle() for line in made for s in line["spans"])
    assert len({line["classes"]["topic"][0] for line in asked}) == 5


def test_the_exponent_of_a_power_is_found_between_its_bounds() -> None:
    noisy = [(10, 3.3), (100, 9.6), (1000, 32.0), (10000, 101.0)]

    exact, found = growth.exponent([(x, x**1.5) for x in (1, 10, 100)]), growth.exponent(noisy)

    assert (exact.value, exact.low, exact.high) == pytest.approx((1.5, 1.5, 1.5))
    assert found.low < 0.5 < found.high < 0.6


def test_each_part_of_a_profile_is_somewhere_in_the_code() -> None:
    for part, places in sampling.PARTS.items():
        assert any(map(_is_there, places)), f"say in bench/sampling.py where {part} is done now"


def _is_there(place: tuple[str, str]) -> bool:
    file, function = place
    if file.startswith("<"):  # of Python's own
        return True
    if not (ROOT / file).exists():
        return False
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return function in {"", *(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))}


def test_a_sampler_tells_parts_from_what_is_in_none() -> None:
    sampler = sampling.Sampler()

    with sampler:
        sum(range(3_000_000))

    assert sampler.seconds["imports"] > 0  # what this process had used before
    assert set(sampler.seconds) <= {*sampling.PARTS, sampling.OTHER}


def test_bars_share_a_scale_and_leave_out_what_is_nothing() -> None:
    picture = bars.drawn(
        "a < b",
        [
            bars.Bar("g", "long", {"x": 30.0, "y": 10.0, "z": 0.0}),
            bars.Bar("g", "short", {"x": 20.0, "y": 0.0, "z": 0.0}),
        ],
    )

    assert "a &lt; b" in picture
    assert "40.0 s" in picture
    assert ">z<" not in picture
    assert picture.count("<rect") == 1 + 3 + 2  # the paper, three parts, two in the legend


def test_marked_tables_are_replaced_and_the_rest_stays() -> None:
    page = "before\n\n<!-- table: one -->\n\nold\n\n<!-- end of table -->\n\nafter\n"

    filled = doc_tables.filled(page, {"one": lambda: "| new |"})

    assert filled == "before\n\n<!-- table: one -->\n\n| new |\n\n<!-- end of table -->\n\nafter\n"
    with pytest.raises(KeyError):
        doc_tables.filled(page, {})


def test_tables_of_the_docs_are_those_of_the_results() -> None:
    for name in doc_tables.DOCS:
        page = (ROOT / name).read_text(encoding="utf-8")

        assert doc_tables.filled(page, doc_tables.TABLES) == page, f"run python -m bench.doc_tables: {name}"
