"""Thresholds are found from drawn documents, and judged on the others."""

import numpy as np
import pytest

from bench import drawn
from trainer.ml.calibration import Events


def events(right: list[bool]) -> Events:
    count = len(right)
    return Events(np.zeros(count, int), np.linspace(0.99, 0.5, count), np.array(right), np.arange(count))


@pytest.mark.parametrize("rule", drawn.RULES)
def test_where_all_is_right_all_is_shown(rule: str) -> None:
    found = list(drawn.drawn(events([True] * 200), 100, drawn.RULES[rule], np.random.default_rng(0)))

    assert len(found) == drawn.TIMES
    assert all(shown > 0.9 and right == 1.0 for shown, right in found)


@pytest.mark.parametrize("rule", drawn.RULES)
def test_where_nothing_is_right_nothing_is_shown(rule: str) -> None:
    found = list(drawn.drawn(events([False] * 200), 100, drawn.RULES[rule], np.random.default_rng(0)))

    assert all(shown == 0.0 for shown, _ in found)


def test_only_one_rule_ends_where_one_fails() -> None:
    early = events([*[True] * 12, False, *[True] * 187])

    least = {name: rule(early.score, early.right, early.document) for name, rule in drawn.RULES.items()}

    assert {name for name, found in least.items() if found is not None and found > 0.9} == {
        "one by one, until one fails"
    }
