"""The person of the simulation works as people do at the desk, and the product trains as the simulation says."""

from bench import effort
from bench.helped import Terms, at_the_desk
from trainer import runs

TEXT = "Alma met Bo.\nBo thanked Alma, and Alma left."
ALMA = [(0, 4, "P"), (24, 28, "P"), (34, 38, "P")]
BO = [(9, 11, "P"), (13, 15, "P")]


def test_what_is_marked_is_suggested_wherever_its_words_stand() -> None:
    counts, _ = at_the_desk(TEXT, [*ALMA, *BO], [])

    assert (counts.by_hand, counts.shown, counts.right) == (2, 3, 3)
    assert (counts.repeated, counts.repeated_right) == (3, 3)


def test_an_accepted_suggestion_is_repeated_and_a_wrong_one_turned_down() -> None:
    wrong = (13, 23, "P")

    counts, turned_down = at_the_desk(TEXT, ALMA, [ALMA[0], wrong])

    assert (counts.by_hand, counts.shown, counts.right) == (0, 4, 3)
    assert turned_down == {wrong}


def test_repeats_that_are_turned_down_more_often_than_marked_end() -> None:
    text = "may May may may may may"

    counts, turned_down = at_the_desk(text, [(4, 7, "MONTH")], [])

    assert (counts.by_hand, counts.shown, counts.right) == (1, 2, 0)
    assert turned_down == {(0, 3, "MONTH"), (8, 11, "MONTH")}


def test_nothing_is_suggested_across_what_is_there() -> None:
    counts, _ = at_the_desk("new york, new york city", [(0, 8, "L"), (10, 23, "L")], [(10, 23, "L")])

    assert (counts.by_hand, counts.repeated) == (1, 0)


def test_the_dictionary_knows_what_was_accepted_in_earlier_documents() -> None:
    terms = Terms()
    terms.learn("Alma met Bo", [(0, 4, "P"), (9, 11, "P")], [])
    terms.learn("Bo is a tree", [], [(0, 2, "P")])
    terms.learn("Bo is a tree", [], [(0, 2, "P")])

    found = terms.suggested("alma sees Bo")

    assert [(span["start"], span["end"], span["label"]) for span in found] == [(0, 4, "P")]


def test_the_simulation_trains_as_often_as_the_product() -> None:
    assert (effort.FIRST_RUN, effort.AT_LEAST, effort.MORE) == (runs.FIRST_RUN, runs.AT_LEAST, runs.MORE)
