"""Invented people, places, products and sums of money, put together from parts, so that new ones never run out.

Many parts are ordinary words too (Hope, Frank, Breeze, Anker), and some surnames are places: only what stands around
such a word tells what it is.
"""

from __future__ import annotations

import random

from annotator.demo.grammar import Rules


class Names:
    """Draws names from the ``name.*`` rules. ``share`` of each list is in use: the more, the rarer some of them are."""

    def __init__(self, rng: random.Random, rules: Rules, share: float) -> None:
        self.rng, self.rules, self.share = rng, rules, share

    def first(self) -> str:
        return self._draw("first")

    def surname(self) -> str:
        kind = "place" if self.rng.random() < 0.15 else "surname"
        return self._draw(f"{kind}_head") + self._draw(f"{kind}_tail")

    def person(self) -> str:
        return f"{self.first()} {self.surname()}" if self.rng.random() < 0.8 else self.first()

    def place(self) -> str:
        front = f"{self._draw('place_front')} " if self.rng.random() < 0.4 else ""
        return front + self._draw("place_head") + self._draw("place_tail")

    def product(self) -> str:
        brand = self._draw("brand")
        return f"{brand} {self._draw('model')}" if self.rng.random() < 0.8 else brand

    def _draw(self, part: str) -> str:
        """Early words more often than late ones, late ones not before their time."""
        words = self.rules[f"name.{part}"]
        reach = max(4, int(len(words) * self.share))
        return words[int(reach * self.rng.random() ** 1.4)]


def money(rng: random.Random, language: str) -> str:
    """A sum of money as people of that language write it."""
    whole, cents = int(10 ** rng.uniform(0.7, 3.4)), rng.choice(("00", "50", "90", "95", "99", "49"))
    few = rng.choice((2, 5, 10, 20, 30, 50, 80, 100))
    if language == "de":
        grouped = f"{whole:,}".replace(",", ".")
        words = rng.choice(("zehn", "zwanzig", "dreißig", "fünfzig", "hundert"))
        forms = (f"{whole},{cents} €", f"{grouped} Euro", f"{whole} €", f"EUR {grouped},{cents}", f"{few},- €",
                 f"{words} Euro", f"{grouped},{cents} EUR", f"{few} Franken")  # fmt: skip
    else:
        words = rng.choice(("ten", "twenty", "thirty", "fifty", "a hundred"))
        forms = (f"${whole:,}.{cents}", f"£{whole:,}", f"€{whole}", f"{whole} dollars", f"{words} euros",
                 f"EUR {whole}.{cents}", f"£{few}.{cents}", f"{few} pounds")  # fmt: skip
    return rng.choice(forms)
