"""Pictures hold the versions' own numbers, the tables behind them the same, and both are plain SVG and HTML."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from trainer.models import ModelVersion
from web import drawing
from web.drawing import Dot
from web.views.charts import curves

SVG = "{http://www.w3.org/2000/svg}"


def version(number: int, **metrics) -> ModelVersion:
    return ModelVersion(pk=number, number=number, examples=10 * number, metrics=metrics)


def spans(f1: float, low: float, high: float) -> dict:
    return {"held_out": 5, "spans": {"f1": f1, "tp": 3, "fp": 1, "fn": 1}, "intervals": {"f1": (low, high)}}


def dots(picture) -> list[tuple[float, float]]:
    """Where the dots lie: pixels to the right, and up."""
    found = ElementTree.fromstring(picture).iter(SVG + "circle")
    return [(float(dot.attrib["cx"]), -float(dot.attrib["cy"])) for dot in found]


def test_a_curve_holds_each_measured_version():
    (curve,) = curves([version(1), version(2, **spans(0.5, 0.25, 0.75)), version(3, **spans(1.0, 0.9, 1.0))])

    assert curve.title == "Spans found exactly"
    second, _third = curve.points
    assert (second.percent, second.interval) == ("50", "25–75")
    figure = curve.figure()
    assert figure.rows == [["v3", "30", "100", "90–100"], ["v2", "20", "50", "25–75"]]
    (x, y), (other_x, other_y) = dots(figure.picture)
    assert x < other_x
    assert y < other_y


def test_questions_are_averaged_by_how_often_they_were_asked():
    asked = {"topic": {"accuracy": 1.0, "asked": 1}, "tone": {"accuracy": 0.5, "asked": 3}}

    drawn = curves([version(1, held_out=4, questions=asked, spans={"f1": 0.0, "tp": 0, "fp": 0, "fn": 0})])

    assert [(curve.title, curve.points[0].score) for curve in drawn] == [("Questions answered right", 0.625)]


def test_relations_have_a_curve_where_there_are_any():
    found = {"f1": 0.4, "tp": 2, "fp": 3, "fn": 3}
    judged = {"held_out": 5, "relations": {"predicted": found}, "intervals": {"relations": (0.1, 0.7)}}

    (curve,) = curves([version(1), version(2, **judged)])

    assert curve.title == "Relations found"
    assert (curve.points[0].percent, curve.points[0].interval) == ("40", "10–70")


def test_what_was_measured_out_of_fold_is_no_point_beside_what_was_held_out():
    folded = version(1, **spans(0.5, 0.4, 0.6) | {"held_out": 0, "out_of_fold": 30})

    assert curves([folded]) == []
    assert curves([folded], measured="out_of_fold")[0].points[0].score == 0.5


def test_nothing_measured_is_no_curve():
    assert curves([version(1, held_out=0)]) == []


def test_the_live_version_is_the_filled_dot():
    live = version(2, **spans(0.7, 0.6, 0.8))
    live.live = True

    (curve,) = curves([version(1, **spans(0.5, 0.4, 0.6)), live])

    kinds = [dot.attrib["class"] for dot in ElementTree.fromstring(curve.figure().picture).iter(SVG + "circle")]
    assert kinds == ["dot", "dot strong"]


PICTURES = {
    "curve": lambda words: drawing.curve(words, [Dot(10, 0.5, words), Dot(400, 0.9, words)], [(0.4, 0.6), (0.8, 1.0)]),
    "calibration": lambda words: drawing.calibration(words, [Dot(0.2, 0.3, words, True, 4)]),
    "bars": lambda words: drawing.bars(words, [words, "b"], [3, 0], [words, "none"]),
    "line": lambda words: drawing.line(words, [words, "b"], [Dot(0, 0.3, words), Dot(1, 0.4, words)]),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_brings_no_script_no_style_and_no_markup(name):
    picture = PICTURES[name]('</svg><b onload="x">')

    root = ElementTree.fromstring(picture)
    tags = {node.tag.removeprefix(SVG) for node in root.iter()}
    assert tags <= {"svg", "g", "path", "text", "circle", "rect", "title"}
    assert not any(key == "style" or key.startswith("on") for node in root.iter() for key in node.attrib)
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-label"] == '</svg><b onload="x">'


@pytest.mark.parametrize(
    ("most", "ticks"),
    [
        (1, [0, 1]),
        (7, [0, 2, 4, 6, 8]),
        (37, [0, 10, 20, 30, 40]),
        (100, [0, 20, 40, 60, 80, 100]),
        (12345, [0, 2500, 5000, 7500, 10000, 12500]),
    ],
)
def test_axes_count_in_round_steps(most, ticks):
    assert drawing.round_ticks(most) == ticks


def test_of_many_names_some_are_written_out():
    names = [f"day {n}" for n in range(30)]

    root = ElementTree.fromstring(drawing.bars("Days", names, [1] * 30, names))

    written = [node.text for node in root.iter(SVG + "text") if (node.text or "").startswith("day")]
    assert written == ["day 5", "day 11", "day 17", "day 23", "day 29"]
