"""The choice head: what counts as an example, and what documents are to it."""

from collections.abc import Sequence

import numpy as np
import pytest
import tensorflow as tf

from trainer.ml.batches import batch_of
from trainer.ml.examples import Example
from trainer.ml.features import extract, is_opening
from trainer.ml.heads.choices import ChoiceHead, spoken, targets
from trainer.ml.heads.scores import Scale
from trainer.ml.inputs import Fits, Inputs, Numbering, arrays_of, barred
from trainer.ml.opinions import no_opinions
from trainer.ml.schema import Question, Schema
from trainer.ml.tokens import Tokenizer

PLACES, BEASTS = ["oslo", "rome", "lima", "graz"], ["cat", "dog", "hen", "cow"]
POOL = [f"we flew to {place} on friday" for place in PLACES] * 5 + [f"the {beast} eats its hay" for beast in BEASTS] * 5


def fitted(
    answers: dict[str, str], texts: Sequence[str], choices: tuple[str, ...], pool: Sequence[str] = ()
) -> np.ndarray:
    """Shares of the choices for texts, [texts, choices], by a head that has learnt the answers."""
    question = Question("topic", False, choices)
    examples = [Example(text, text, classes={"topic": (choice,)}) for text, choice in answers.items()]
    batch = batch_of(examples, Schema(questions=(question,)), Tokenizer(), pool=pool)
    spread = batch.bundles.first("spelling", batch.spread)
    about = (question, batch.bundles.vocabulary, batch.vectors, spread)
    head = ChoiceHead(*about, decay=0.01, fits=Fits(), barred=barred("choice", [False] * len(choices)))
    tables = [head.spelling, head.bigrams, head.meaning, head.bias]
    inputs, names = Inputs(**batch.inputs), Inputs(**batch.labels["choice_names_0"])
    for _ in range(60):
        head.spelling, head.bigrams, head.meaning, head.bias = tables
        with tf.GradientTape() as tape:
            tape.watch(tables)
            loss = head.loss(inputs, batch.labels["choices_0"], batch.labels["choice_weights_0"], names)
        tables = [table - 0.2 * slope for table, slope in zip(tables, tape.gradient(loss, tables), strict=True)]
    numbering = Numbering(batch.vocabulary, batch.vectors, no_opinions(batch.vectors, 0))
    asked = numbering.number(extract(tf.constant(texts), Tokenizer()))
    numbered = arrays_of(asked)
    return np.asarray(head.shares(Inputs(**batch.bundles.inputs(numbered)), Scale("choice", len(choices), None)))


@pytest.mark.parametrize(
    ("choice", "text"),
    [
        ("lost_card", "lost card"),
        ("LostCard", "Lost Card"),
        ("food-safety", "food safety"),
        ("Überweisung", "Überweisung"),
        ("__", ""),
    ],
)
def test_the_name_of_a_choice_is_read_as_words(choice: str, text: str) -> None:
    assert spoken(choice) == text


def test_what_a_document_opens_with_tells_its_choice_where_the_examples_show_that_it_does() -> None:
    beside = [(place, beast) for place in PLACES for beast in BEASTS]
    learnt, asked = beside[::2], beside[1::2]
    either = {"cause": "why {} the {} when {}", "time": "when {} the {} why {}"}

    def say(choice: str, place: str, beast: str) -> str:
        return either[choice].format(place, beast, place)

    answers = {say(choice, *pair): choice for choice in either for pair in learnt}
    shares = fitted(answers, [say("cause", *pair) for pair in asked], ("cause", "time"))

    assert (shares[:, 0] > 0.6).all()


def test_what_documents_open_with_is_not_looked_at_where_it_tells_nothing() -> None:
    question = Question("topic", False, ("place", "beast"))
    said = [
        (f"{opening} {word}", choice)
        for choice, words in (("place", PLACES), ("beast", BEASTS))
        for word in words
        for opening in ("tell me of", "i like", "what of")
    ]
    examples = [Example(text, text, classes={"topic": (choice,)}) for text, choice in said]

    batch = batch_of(examples, Schema(questions=(question,)), Tokenizer())

    assert not is_opening(batch.vocabulary["bigrams"][:-1]).any()


def test_the_name_of_a_choice_is_an_example_of_it() -> None:
    answers = {"it vanished": "lost_card", "it never came": "late_delivery", "gone, it seems": "lost_card"}

    shares = fitted(answers, ["my card", "the delivery"], ("late_delivery", "lost_card", "other"))

    assert shares.argmax(1).tolist() == [1, 0]


def test_words_that_nobody_labelled_count_by_what_they_mean() -> None:
    answers = {"oslo": "a", "rome": "a", "cat": "b", "dog": "b"}

    shares = fitted(answers, ["lima", "graz", "hen", "cow"], ("a", "b"), pool=POOL)

    assert shares.argmax(1).tolist() == [0, 0, 1, 1]
    assert (shares.max(1) > 0.6).all()


def test_a_text_that_says_all_twice_says_no_more() -> None:
    answers = {"pay the invoice": "money", "fly to oslo": "travel"}

    once, twice = fitted(answers, ["pay the invoice", "pay the invoice\npay the invoice"], ("money", "travel"))

    assert once == pytest.approx(twice, abs=1e-5)


def test_a_text_without_a_word_has_shares() -> None:
    shares = fitted({"pay": "money", "fly": "travel"}, ["", " \n"], ("money", "travel"))

    assert shares.sum(1) == pytest.approx(1.0)


def test_targets_share_one_between_answers_unless_each_choice_stands_for_itself() -> None:
    examples = [
        Example("x", "x", classes={"q": ("a", "c")}),
        Example("x", "x", classes={"q": ("b",)}),
        Example("x", "x", classes={"q": ("new",)}),
    ]

    single, asked = targets(examples, Question("q", False, ("a", "b", "c")))
    several, all_asked = targets(examples, Question("q", True, ("a", "b", "c")))

    assert single.tolist() == [[0.5, 0, 0.5], [0, 1, 0], [0, 0, 0], [0, 0, 0]]
    assert asked.tolist() == [1, 1, 0, 0]
    assert several.tolist() == [[1, 0, 1], [0, 1, 0], [0, 0, 0], [0, 0, 0]]
    assert all_asked.tolist() == [1, 1, 1, 0]


def test_a_piece_of_spelling_is_as_common_as_the_words_that_have_it() -> None:
    examples = [Example("1", "going going gone"), Example("2", "doing gone")]

    batch = batch_of(examples, Schema(), Tokenizer())

    at = batch.inputs["spelling"].indices
    pieces = [set(at[at[:, 0] == kind, 1].tolist()) for kind in range(batch.inputs["type_count"])]
    held = [sum(piece in one for one in pieces) for piece in batch.bundles.of["spelling"]]
    assert batch.spread.tolist() == held
    assert max(held) >= 3  # the `g` at the end or the beginning, and what it looks like
    assert held[-1] == 0  # of no word
