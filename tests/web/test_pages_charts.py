"""The chart's numbers are the versions' own, and its marks lie where they say."""

from __future__ import annotations

from trainer.models import ModelVersion
from web.views.charts import charts


def version(number: int, **metrics) -> ModelVersion:
    return ModelVersion(pk=number, number=number, examples=10 * number, metrics=metrics)


def spans(f1: float, low: float, high: float) -> dict:
    return {"held_out": 5, "spans": {"f1": f1, "tp": 3, "fp": 1, "fn": 1}, "intervals": {"f1": (low, high)}}


def test_a_chart_holds_each_measured_version():
    drawn = charts([version(1), version(2, **spans(0.5, 0.25, 0.75)), version(3, **spans(1.0, 0.9, 1.0))])

    assert [chart.title for chart in drawn] == ["Spans found exactly"]
    second, third = drawn[0].points
    assert (second.percent, second.interval) == ("50", "25–75")
    assert second.y_high < second.y < second.y_low
    assert third.y == third.y_high == min(y for _, y in drawn[0].ticks)
    assert second.x < third.x


def test_questions_are_averaged_by_how_often_they_were_asked():
    asked = {"topic": {"accuracy": 1.0, "asked": 1}, "tone": {"accuracy": 0.5, "asked": 3}}

    drawn = charts([version(1, held_out=4, questions=asked, spans={"f1": 0.0, "tp": 0, "fp": 0, "fn": 0})])

    assert [(chart.title, chart.points[0].score) for chart in drawn] == [("Questions answered right", 0.625)]


def test_relations_have_a_chart_where_there_are_any():
    found = {"f1": 0.4, "tp": 2, "fp": 3, "fn": 3}
    judged = {"held_out": 5, "relations": {"predicted": found}, "intervals": {"relations": (0.1, 0.7)}}

    (chart,) = charts([version(1), version(2, **judged)])

    assert chart.title == "Relations found"
    assert (chart.points[0].percent, chart.points[0].interval) == ("40", "10–70")


def test_what_was_measured_out_of_fold_is_no_point_beside_what_was_held_out():
    folded = version(1, **spans(0.5, 0.4, 0.6) | {"held_out": 0, "out_of_fold": 30})

    assert charts([folded]) == []
    assert charts([folded], measured="out_of_fold")[0].points[0].score == 0.5


def test_many_versions_keep_their_names_readable():
    points = charts([version(n, **spans(0.5, 0.4, 0.6)) for n in range(1, 31)])[0].points

    assert len(points) == 30
    assert sum(point.named for point in points) == 10
    assert points[-1].named


def test_nothing_measured_is_no_chart():
    assert charts([version(1, held_out=0)]) == []
