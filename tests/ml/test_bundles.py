"""Features that always occur together, as one."""

import numpy as np
import pytest
import tensorflow as tf

from trainer.ml.bundles import Bundles, bundled
from trainer.ml.features import extract, is_look, read_words
from trainer.ml.inputs import KINDS, Inputs, Numbering, Sparse, arrays_of, vocabulary_of
from trainer.ml.opinions import no_opinions
from trainer.ml.tokens import Tokenizer
from trainer.ml.vectors import learn

TEXTS = ["Ada met Bo in Oslo.", "Bo met Ada and Ada.", "Charlemagne left Oslo."]


@pytest.fixture(scope="module")
def numbering() -> Numbering:
    vectors = learn(read_words(TEXTS, Tokenizer()))
    return Numbering(vocabulary_of(extract(tf.constant(TEXTS), Tokenizer())), vectors, no_opinions(vectors, 1))


@pytest.fixture(scope="module")
def bundles(numbering: Numbering) -> Bundles:
    return bundled([numbered(numbering, *TEXTS)], known(numbering))


def numbered(numbering: Numbering, *texts: str) -> dict[str, Sparse]:
    inputs: Inputs = numbering.number(extract(tf.constant(texts), Tokenizer()))
    return arrays_of(inputs)


def known(numbering: Numbering) -> dict[str, np.ndarray]:
    return {kind: table.numpy() for kind, table in numbering.known.items()}


def dense(sparse: Sparse, columns: int) -> np.ndarray:
    found = np.zeros((int(sparse.indices[:, 0].max()) + 1, columns))
    np.add.at(found, tuple(sparse.indices.T), sparse.values)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_scores_and_penalty_of_bundles_are_those_of_their_features(
    kind: str, numbering: Numbering, bundles: Bundles
) -> None:
    whole = numbered(numbering, *TEXTS)
    weights = np.random.default_rng(0).normal(size=(len(bundles.share[kind]), 3))

    spread = bundles.spread(kind, weights)

    ours, theirs = dense(bundles.inputs(whole)[kind], len(weights)), dense(whole[kind], len(spread))
    np.testing.assert_allclose(ours @ weights, theirs @ spread, atol=1e-5)
    assert (weights**2).sum() == pytest.approx((spread**2).sum())
    assert len(weights) < len(spread)


def test_other_texts_have_the_scores_of_the_features_that_they_have(numbering: Numbering, bundles: Bundles) -> None:
    other = numbered(numbering, "Charles met Charlemagne")
    weights = np.random.default_rng(0).normal(size=(len(bundles.share["spelling"]), 3))
    spread = bundles.spread("spelling", weights)

    ours = dense(bundles.inputs(other)["spelling"], len(weights)) @ weights

    np.testing.assert_allclose(ours, dense(other["spelling"], len(spread)) @ spread, atol=1e-5)


def test_how_words_look_is_not_bundled_with_which_words_they_are(numbering: Numbering, bundles: Bundles) -> None:
    for kind in KINDS:
        look = is_look(known(numbering)[kind])

        assert (is_look(bundles.vocabulary[kind])[bundles.of[kind]] == look).all()


def test_features_of_a_bundle_occur_in_the_same_places(numbering: Numbering, bundles: Bundles) -> None:
    table = dense(numbered(numbering, *TEXTS)["spelling"], len(bundles.of["spelling"]))

    for bundle in range(len(bundles.share["spelling"])):
        columns = table[:, bundles.of["spelling"] == bundle]
        assert (columns == columns[:, :1]).all()
