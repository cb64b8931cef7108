"""How a file is to be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import PurePath
from typing import Any, Self

from annotator.errors import Detail, Invalid
from annotator.spans import storable_fault

FORMATS = ("jsonl", "csv", "txt")
_SUFFIXES = {".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl", ".csv": "csv", ".tsv": "csv", ".txt": "txt"}


@dataclass(frozen=True)
class Options:
    """``strict``: all rows or none. ``whole``: a text file is one document, not one a line."""

    format: str
    strict: bool = False
    whole: bool = False
    text_column: str = "text"
    id_column: str = "id"

    @classmethod
    def parse(cls, given: Mapping[str, Any], filename: str = "") -> Self:
        """Options from what a person or a program sent; the file's name tells the format that is not given.

        Raises Invalid naming each option that is unknown or of the wrong type.
        """
        values = {name: value for name, value in given.items() if value not in (None, "")}
        values.setdefault("format", _SUFFIXES.get(PurePath(filename).suffix.lower()))
        types = {field.name: bool if field.type == "bool" else str for field in fields(cls)}
        errors: list[Detail] = []
        for name, value in values.items():
            if name not in types:
                errors.append({"field": name, "reason": "is no option of an import"})
            elif name == "format" and value not in FORMATS:
                errors.append({"field": name, "reason": f"must be one of {', '.join(FORMATS)}"})
            elif not isinstance(value, types[name]):
                errors.append({"field": name, "reason": f"must be a {types[name].__name__}"})
            elif isinstance(value, str) and (fault := storable_fault(value)):
                errors.append({"field": name, "reason": fault})
        if errors:
            raise Invalid("invalid_options", f"{errors[0]['field']}: {errors[0]['reason']}", errors)
        return cls(**values)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)
