"""Customer mails in English and German with their gold labels: what a perfect annotator would answer.

Each mail depends on the seed and its own number alone, so a shorter series is the beginning of a longer one.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from annotator.demo.grammar import Composer, read_rules
from annotator.demo.names import Names, money

SEED = 7
LANGUAGES = {code: Path(__file__).with_name(f"{name}.txt") for code, name in (("en", "english"), ("de", "german"))}
TOPICS = ("billing", "delivery", "return", "technical", "praise", "advice")
TONES = ("friendly", "angry", "urgent")
# After so many mails every part of a name has come into use; before, later mails bring new ones.
ALL_NAMES_AFTER = 3_000


def mails(count: int, *, seed: int = SEED) -> Iterator[dict[str, Any]]:
    """So many mails as snapshot lines."""
    for number in range(count):
        yield mail(number, seed=seed)


def mail(number: int, *, seed: int = SEED) -> dict[str, Any]:
    """The mail of that number; its id is ``mail-<seed>-<number>``."""
    return _Mail(number, seed).write()


class _Mail:
    """One mail in the making: who writes, about which product, in which mood."""

    def __init__(self, number: int, seed: int) -> None:
        self.id = f"mail-{seed}-{number:05d}"
        self.rng = rng = random.Random(f"{seed}/{number}")  # noqa: S311 - must be the same every time
        self.language = rng.choices(("en", "de"), (3, 2))[0]
        self.rules = read_rules(LANGUAGES[self.language])
        self.names = Names(rng, self.rules, min(1.0, 0.4 + 0.6 * number / ALL_NAMES_AFTER))
        self.topic = rng.choices(TOPICS, (5, 5, 4, 5, 3, 3))[0]
        self.tones = self._draw_tones()
        self.first, self.surname = self.names.first(), self.names.surname()
        self.home = self.names.place()
        self.product = self.names.product()
        self.named_product = False
        self.entities = self._entities()
        sloppiness = 0.1 if rng.random() < 0.3 else 0.0
        small = rng.random() < 0.08
        self.composer = Composer(rng, self.rules, self._fill, sloppiness=sloppiness, small=small)

    def write(self) -> dict[str, Any]:
        has_frame = self.rng.random() < 0.85
        if has_frame:
            self.composer.write("{greeting}[\n\n|\n| ]")
        for i, template in enumerate(self._body()):
            if i:
                self.composer.write("[ | | | |\n|\n\n]")
            self.composer.write(template)
        if has_frame:
            self.composer.write("[\n\n|\n]{closing}")
        classes = {"topic": [self.topic], "tone": sorted(self.tones)}
        return {
            "id": self.id,
            "text": self.composer.text,
            "spans": self.composer.spans,
            "classes": classes,
            "relations": self.composer.relations,
            "complete": True,
            "meta": {"language": self.language},
        }

    def _body(self) -> list[str]:
        """The sentences' templates: the matter first or after some context, the mood anywhere behind."""
        rng = self.rng
        body = rng.sample(self.rules[f"topic.{self.topic}"], rng.choice((1, 1, 2)))
        if rng.random() < 0.5:
            body.insert(rng.choice((0, 0, 1)), rng.choice(self.rules["context"]))
        rest = rng.sample(self.rules["aside"], rng.choice((0, 1, 1, 2)))
        rest += [rng.choice(self.rules[f"tone.{tone}"]) for tone in self.tones]
        rng.shuffle(rest)
        return body + rest

    def _draw_tones(self) -> list[str]:
        """Mostly none or one; praise is never angry."""
        if self.topic == "praise":
            return ["friendly"] if self.rng.random() < 0.5 else []
        return [tone for tone, share in zip(TONES, (0.2, 0.25, 0.2), strict=True) if self.rng.random() < share]

    def _entities(self) -> dict[str, tuple[str, Callable[[], str]]]:
        """For each slot that is no rule: its label, none for a plain number, and what stands there."""
        rng, names = self.rng, self.names
        return {
            "me": ("PERSON", lambda: f"{self.first} {self.surname}"),
            "myfirst": ("PERSON", lambda: self.first),
            "person": ("PERSON", names.person),
            "first": ("PERSON", names.first),
            "surname": ("PERSON", names.surname),
            "home": ("PLACE", lambda: self.home),
            "place": ("PLACE", names.place),
            "product": ("PRODUCT", self._product),
            "other": ("PRODUCT", names.product),
            "amount": ("AMOUNT", lambda: money(rng, self.language)),
            "serial": ("", lambda: str(rng.randrange(10_000, 99_999))),
            "fives": ("", lambda: str(rng.randrange(1, 10) * 5)),
            "day": ("", lambda: str(rng.randrange(4, 29))),
        }

    def _fill(self, slot: str) -> tuple[str, str] | None:
        label, draw = self.entities.get(slot, ("", None))
        return (draw(), label) if draw else None

    def _product(self) -> str:
        """The mail's product: first by its whole name, later sometimes by the brand alone."""
        if self.named_product and self.rng.random() < 0.5:
            return self.product.partition(" ")[0]
        self.named_product = True
        return self.product
