"""A little grammar: templates with choices and slots become a text that knows where its entities are.

``[now|today|]`` is a choice, one of which may be empty and each of which may hold others. ``{product}`` is a slot:
an entity, or a rule that is a list of further templates. ``{person=a}`` gives the entity a name, by which
``{lives_in a b}`` relates it to another one of the same template; that leaves no text.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_PARTS = re.compile(r"[\[\]|]|\{[^}]*\}|[^\[\]|{}]+")

Rules = Mapping[str, Sequence[str]]
Fill = Callable[[str], tuple[str, str] | None]


@dataclass(frozen=True, slots=True)
class Slot:
    """``{name}``, ``{name=bound}`` or, with arguments, ``{relation head tail}``."""

    name: str
    bound: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    options: tuple[Template, ...]


Template = tuple["str | Slot | Choice", ...]


@cache
def read_rules(path: Path) -> Rules:
    """A file of rules: ``== name`` and below it a template a line; of ``name.*`` rules, words. ``#`` is a comment."""
    rules: dict[str, list[str]] = {}
    name = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("== "):
            name = line.removeprefix("== ")
            rules[name] = []
        elif line and not line.startswith("# "):
            rules[name] += line.split() if name.startswith("name.") else [line.replace("\\n", "\n")]
    return rules


@cache
def parse(template: str) -> Template:
    """The template's parts. Raises ValueError where its brackets do not match."""
    parts = _PARTS.findall(template)
    if "".join(parts) != template:
        raise ValueError(f"This template has a stray brace: {template!r}")
    options = _options(parts[::-1], outermost=True)
    if len(options) != 1:
        raise ValueError(f"This template has a bar outside brackets: {template!r}")
    return options[0]


def _options(parts: list[str], *, outermost: bool = False) -> tuple[Template, ...]:
    """Take parts from the end of the list up to the closing bracket."""
    options: list[list[str | Slot | Choice]] = [[]]
    while parts:
        part = parts.pop()
        if part == "]":
            if outermost:
                raise ValueError("A bracket closes that was never opened.")
            return tuple(map(tuple, options))
        if part == "[":
            options[-1].append(Choice(_options(parts)))
        elif part == "|":
            options.append([])
        else:
            options[-1].append(_slot(part) if part.startswith("{") else part)
    if not outermost:
        raise ValueError("A bracket is never closed.")
    return tuple(map(tuple, options))


def _slot(part: str) -> Slot:
    words = part[1:-1].split()
    name, _, bound = words[0].partition("=")
    return Slot(name, bound, tuple(words[1:]))


class Composer:
    """Writes one text, template after template.

    ``fill`` gives the text and label of a slot that is no rule, else None; without a label it is plain text.
    ``sloppiness`` is the chance of a slip in each stretch of plain text; entities are never misspelt. Whoever
    writes in ``small`` letters does so everywhere.
    """

    def __init__(
        self, rng: random.Random, rules: Rules, fill: Fill, *, sloppiness: float = 0.0, small: bool = False
    ) -> None:
        self.rng, self.rules, self.fill, self.sloppiness, self.small = rng, rules, fill, sloppiness, small
        self.pieces: list[str] = []
        self.length = 0
        self.spans: list[dict[str, object]] = []
        self.relations: list[dict[str, object]] = []
        self._bound: dict[str, int] = {}

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    def write(self, template: str) -> None:
        """Append one template; names bound in it are forgotten after it."""
        self._bound = {}
        self._emit(parse(template))

    def _emit(self, template: Template) -> None:
        for part in template:
            if isinstance(part, str):
                self._append(self._slip(part))
            elif isinstance(part, Choice):
                self._emit(self.rng.choice(part.options))
            elif part.arguments:
                head, tail = (self._bound[name] for name in part.arguments)
                self.relations.append({"head": head, "tail": tail, "label": part.name})
            else:
                self._fill(part)

    def _fill(self, slot: Slot) -> None:
        entity = self.fill(slot.name)
        if entity is None:
            self._emit(parse(self.rng.choice(self.rules[slot.name])))
            return
        text, label = entity
        if label:
            self._bound[slot.bound] = len(self.spans)
            self.spans.append({"start": self.length, "end": self.length + len(text), "label": label})
        self._append(text)

    def _append(self, text: str) -> None:
        self.pieces.append(text.lower() if self.small else text)
        self.length += len(text)

    def _slip(self, text: str) -> str:
        """Swap, drop or double a letter inside a longer word, now and then."""
        if len(text) < 6 or not self.sloppiness or self.rng.random() >= self.sloppiness:
            return text
        at = self.rng.randrange(2, len(text) - 2)
        here, following = text[at], text[at + 1]
        if not (text[at - 1 : at + 3].isalpha() and here != following):
            return text
        replaced = self.rng.choice((following + here, following, here + here + following))
        return text[:at] + replaced + text[at + 2 :]
