"""JSON lines: one object a line, as the project's own export writes them. Fields it does not know go to meta."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import orjson

from annotator.importing.encodings import UTF_8
from annotator.importing.lines import Line, decode, lines
from annotator.importing.options import Options
from annotator.importing.rows import Refused, Row

ANSWER = ("spans", "classes", "relations")
KNOWN = {"meta", "complete", *ANSWER}
OF_SEVERAL = ("answers", "exhaustive", "disputed")


def read(file: BinaryIO, options: Options) -> Iterator[Row | Refused]:
    """A row or a refusal for each line that is not blank."""
    for line in lines(file, options.encoding):
        found = line if isinstance(line, Refused) else _parse(line, options)
        if found is not None:
            yield found


def _parse(line: Line, options: Options) -> Row | Refused | None:
    data = line.data if line.codec == UTF_8 else decode(line)
    if isinstance(data, Refused):
        return data
    if data.isspace():
        return None
    try:
        raw = orjson.loads(data.rstrip())
    except orjson.JSONDecodeError as error:
        text = decode(line)
        if isinstance(text, Refused):
            return text
        return line.refused("row", f"is not JSON: {error.msg} at column {error.colno}")
    if not isinstance(raw, dict):
        return line.refused("row", "is not a JSON object; each line must be one")
    field, reason = _fault(raw, options)
    if reason:
        return line.refused(field, reason)
    return Row(
        line=line.number,
        external_id=_identity(raw.get(options.id_column)),
        text=raw[options.text_column],
        meta=_meta(raw, options),
        answer=_answer(raw, options),
        complete=raw.get("complete") is not False,
        end=line.end,
        begin=line.begin,
    )


def _fault(raw: dict[str, Any], options: Options) -> tuple[str, str]:
    """The field whose type is wrong, and why; two empty strings when all are right."""
    name = options.text_column
    if not isinstance(raw.get(name), str):
        return name, "must be a string" if name in raw else "is missing"
    external_id = raw.get(options.id_column)
    if external_id is not None and type(external_id) not in (str, int):
        return options.id_column, "must be a string or a whole number"
    if not isinstance(raw.get("meta") or {}, dict):
        return "meta", "must be an object"
    if not isinstance(raw.get("complete", True), bool):
        return "complete", "must be true or false"
    return "", ""


def _answer(raw: dict[str, Any], options: Options) -> dict[str, Any] | None:
    answer = {part: raw[part] for part in ANSWER if raw.get(part) is not None} if options.labels else {}
    if _of_several(raw) and isinstance(answer.get("classes"), dict):
        # With a choice in dispute, what is left of its question is no answer to it.
        disputed = {item.get("question") for item in raw["disputed"] if isinstance(item, dict)}
        answer["classes"] = {name: chosen for name, chosen in answer["classes"].items() if name not in disputed}
    if chosen := options.chosen(raw):
        classes = answer.get("classes")
        answer["classes"] = (classes if isinstance(classes, dict) else {}) | chosen
    return answer or None


def _of_several(raw: dict[str, Any]) -> bool:
    """Whether this is a line in which an export takes several people's answers together."""
    return type(raw.get("answers")) is int and isinstance(raw.get("disputed"), list)


def _identity(external_id: str | int | None) -> str | None:
    return None if external_id is None else str(external_id)


def _meta(raw: dict[str, Any], options: Options) -> dict[str, Any]:
    known = KNOWN | options.unkept()
    meta = {name: value for name, value in raw.items() if name not in known}
    # An export names the split, which is drawn anew here; a "split" of anybody else's making is kept.
    if meta.get("split") in ("pool", "check"):
        del meta["split"]
    if _of_several(raw):
        meta = {name: value for name, value in meta.items() if name not in OF_SEVERAL}
    return meta | {name: value for name, value in (raw.get("meta") or {}).items() if name not in options.leave_out}
