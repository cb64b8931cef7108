"""How a file is to be read."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import PurePath
from typing import Any, Self

from annotator.errors import Detail, Invalid
from annotator.importing import kinds as unreadable
from annotator.importing.encodings import ENCODINGS, UTF_8, named
from annotator.importing.rows import Cell
from annotator.spans import storable_fault

FORMATS = ("jsonl", "csv", "txt")
# Columns and fields that the file of refused rows adds, and that say nothing of a document.
LINE, ERROR, ROW = "_line", "_error", "_row"
ADDED = (LINE, ERROR, ROW)
UNLABELLED, REFUSE = "unlabelled", "refuse"
_ONE_OF = {"format": FORMATS, "encoding": ENCODINGS, "unread_labels": (UNLABELLED, REFUSE)}
_UNTOLD = f"The name of the file does not tell its format: choose one ({', '.join(FORMATS)})."
_SUFFIXES = {".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl", ".csv": "csv", ".tsv": "csv", ".txt": "txt"}


@dataclass(frozen=True)
class Options:
    """``strict``: all rows or none. ``whole``: a text file is one document, not one a line. ``leave_out``: columns or
    fields that are not kept. ``classes``: ``column=question``, whose values are choices. ``labels``: false leaves out
    whatever labels come along. ``unread_labels``: what becomes of a row that would say "nothing here" although it seems
    to have labels in a field that is not read; refused unless somebody says otherwise."""

    format: str
    encoding: str = UTF_8
    strict: bool = False
    whole: bool = False
    text_column: str = "text"
    id_column: str = "id"
    leave_out: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    labels: bool = True
    unread_labels: str = ""

    @classmethod
    def parse(cls, given: Mapping[str, Any], filename: str = "") -> Self:
        """Options from what a person or a program sent; the file's name tells the format that is not given.

        Raises Invalid naming each option that is unknown or of the wrong type.
        """
        values = {name: value for name, value in given.items() if value not in (None, "")}
        if isinstance(values.get("encoding"), str):
            values["encoding"] = named(values["encoding"])
        suffix = PurePath(filename).suffix.lower()
        values.setdefault("format", _SUFFIXES.get(suffix))
        kinds = {"bool": bool, "str": str, "tuple[str, ...]": list}
        types: dict[str, type] = {field.name: kinds[str(field.type)] for field in fields(cls)}
        errors: list[Detail] = []
        for name, value in values.items():
            if name == "format" and value is None and filename:
                reason = unreadable.told_by_name(suffix) or _UNTOLD
                errors.append({"field": name, "reason": reason})
            elif name not in types:
                errors.append({"field": name, "reason": "is no option of an import"})
            elif name in _ONE_OF and value not in _ONE_OF[name]:
                errors.append({"field": name, "reason": f"must be one of {', '.join(_ONE_OF[name])}"})
            elif not isinstance(value, types[name]):
                errors.append({"field": name, "reason": f"must be a {types[name].__name__}"})
            elif not isinstance(value, bool) and (fault := _fault(value)):
                errors.append({"field": name, "reason": fault})
        if errors:
            raise Invalid("invalid_options", _sentence(errors[0]), errors)
        return cls.of_job(values)

    @classmethod
    def of_job(cls, kept: Mapping[str, Any]) -> Self:
        """What a job keeps as JSON."""
        values: dict[str, Any] = {n: tuple(value) if isinstance(value, list) else value for n, value in kept.items()}
        return cls(**values)

    def chosen(self, values: Mapping[str, Any]) -> dict[str, list[str] | Cell]:
        """The choices that a row has in columns or fields: a list, or a cell that is still to be parted."""
        found: dict[str, list[str] | Cell] = {}
        for column, question in self._mapped(values):
            value = values.get(column)
            if isinstance(value, list):
                choices = [str(choice).strip() for choice in value]
                if any(choices):
                    found[question] = [choice for choice in choices if choice]
            elif value is not None and str(value).strip():
                found[question] = Cell(value)
        return found

    def beside(self, values: Mapping[str, Any], known: Collection[str] = ()) -> dict[str, Any]:
        """The columns or fields of a row that are not read, also those that are not kept."""
        mapped = (column for column, _ in self._mapped(values))
        read = {self.text_column, self.id_column, *mapped, *known, *ADDED}
        return {name: value for name, value in values.items() if name not in read}

    def unkept(self, names: Collection[str]) -> set[str]:
        """Columns and fields, of a row that has these, that do not go to meta."""
        mapped = (column for column, _ in self._mapped(names))
        return {self.text_column, self.id_column, *self.leave_out, *mapped, *ADDED}

    def _mapped(self, names: Collection[str]) -> Iterator[tuple[str, str]]:
        """Column and question of each pair, of a row with these columns: either may have ``=`` in its name."""
        for pair in self.classes:
            cuts = [place for place, character in enumerate(pair) if character == "="] or [len(pair)]
            cut = next((cut for cut in cuts if pair[:cut] in names), cuts[0])
            yield pair[:cut], pair[cut + 1 :]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def _sentence(error: Detail) -> str:
    """What is wrong for people: a reason that is a sentence needs no name of a field before it."""
    reason = error["reason"]
    return reason if reason.endswith(".") else f"{error['field']}: {reason}"


def _fault(value: Any) -> str:
    if isinstance(value, str):
        return storable_fault(value)
    if not all(isinstance(one, str) for one in value):
        return "must be a list of names"
    return next(filter(None, map(storable_fault, value)), "")
