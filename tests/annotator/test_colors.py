"""Colours of labels stay apart, also for eyes that see red, green or blue less."""

from __future__ import annotations

import pytest

from annotator import colors
from annotator.projects import COLORS

PAPERS = ("#fbfaf7", "#16171a")


def luminance(color):
    red, green, blue = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return sum(
        share * (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4)
        for share, part in ((0.2126, red), (0.7152, green), (0.0722, blue))
    )


def contrast(one, other):
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(
    ("one", "other", "eyes"),
    [
        ("#2563eb", "#2563eb", ["all"]),
        ("#2563eb", "#2a67ee", ["all"]),
        ("#059669", "#db2777", ["green"]),
        ("#2563eb", "#7c3aed", ["red", "green"]),
        ("#059669", "#0891b2", ["blue"]),
        ("#2563eb", "#c77700", []),
        ("#000000", "#ffffff", []),
    ],
)
def test_who_cannot_tell_two_colours_apart(one, other, eyes):
    assert colors.close(one, other) == colors.close(other, one) == eyes


def test_white_is_as_light_as_can_be_for_all_eyes():
    for eye in colors.EYES:
        lightness, green_red, blue_yellow = colors.seen("#ffffff", eye)
        assert lightness == pytest.approx(1, abs=1e-3)
        assert (green_red, blue_yellow) == pytest.approx((0, 0), abs=1e-3)


def test_the_colours_that_labels_get_by_themselves_stay_apart():
    assert colors.clashes(COLORS) == []


def test_a_free_colour_is_far_from_those_in_use():
    used = ["#2563eb", "#c77700", "#9b357f"]

    found = colors.free(used, 3)

    assert len(set(found)) == 3
    assert colors.clashes([*used, *found]) == []


@pytest.mark.parametrize("paper", PAPERS)
def test_every_colour_that_is_proposed_can_be_seen_on_paper(paper):
    assert min(contrast(color, paper) for color in {*colors.candidates(), *COLORS}) > 2.7


def test_clashes_are_told_by_place():
    assert colors.clashes(["#2563eb", "#c77700", "#2563eb"]) == [(0, 2, ["all"])]
