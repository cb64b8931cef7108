"""JSON lines: one object a line, as the project's own export writes them. Fields it does not know go to meta.

An array of objects is read as well, and so are objects that go over several lines.
"""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Iterator
from typing import Any, BinaryIO

import orjson

from annotator import offsets
from annotator.errors import Invalid
from annotator.importing import encodings, foreign, values
from annotator.importing.encodings import UTF_8
from annotator.importing.lines import Line, decode, lines
from annotator.importing.options import UNLABELLED, Options
from annotator.importing.rows import Refused, Row

ANSWER: dict[str, type] = {"spans": list, "classes": dict, "relations": list}
KNOWN = {"meta", "complete", *ANSWER}
OF_SEVERAL = ("answers", "exhaustive", "disputed")


def read(file: BinaryIO, options: Options) -> Iterator[Row | Refused]:
    """A row or a refusal for each object."""
    for line in records(file, options.encoding):
        found = line if isinstance(line, Refused) else _parse(line, options)
        if found is not None:
            yield found


def records(file: BinaryIO, encoding: str) -> Iterator[Line | Refused]:
    """The pieces of a file that should be one object each: its lines, or what an array or JSON on several lines holds.

    Raises Invalid where that is in another encoding than JSON's own.
    """
    start = file.read(encodings.LOOKED_AT)
    codec, mark = encodings.begin(start, encoding)
    file.seek(0)
    begun = start.removeprefix(mark)
    if codec != UTF_8:
        begun = begun.decode(codec, errors="replace").encode(errors="replace")
    if not (values.is_array(begun) or values.is_pretty(begun)):
        return lines(file, encoding)
    if codec != UTF_8:
        what = "JSON in one array" if values.is_array(begun) else "JSON with objects on several lines"
        raise Invalid("unreadable_file", f"The file is {what}, in {encoding}: save it in UTF-8, or as JSON lines.")
    return values.objects(file, len(mark))


BLANK = object()


def loaded(line: Line) -> Any:
    """What stands in a line: an object, or whatever else JSON knows; BLANK where nothing does, or a refusal."""
    data = line.data.removeprefix(BOM_UTF8) if line.codec == UTF_8 else _decoded(line)
    if isinstance(data, Refused):
        return data
    if data.isspace():
        return BLANK
    try:
        return orjson.loads(data.rstrip())
    except orjson.JSONDecodeError as error:
        text = decode(line)
        if isinstance(text, Refused):
            return text
        return line.refused("row", f"is not JSON: {error.msg} at {_where(error)}")


def _decoded(line: Line) -> str | Refused:
    """As text, without the mark that stands within where files were put one behind the other."""
    text = decode(line)
    return text if isinstance(text, Refused) else text.removeprefix("\ufeff")


def _where(error: orjson.JSONDecodeError) -> str:
    return f"column {error.colno}" if error.lineno == 1 else f"line {error.lineno} of it, column {error.colno}"


def _parse(line: Line, options: Options) -> Row | Refused | None:
    raw = loaded(line)
    if raw is BLANK:
        return None
    if isinstance(raw, Refused):
        return raw
    if not isinstance(raw, dict):
        where = "each item of an array" if line.item else "each line"
        return line.refused("row", f"is not a JSON object; {where} must be one")
    field, reason = _fault(raw, options)
    if not reason and (field := _twice(line, options)):
        reason = "is there twice: nobody can say which of them is meant"
    if reason:
        return line.refused(field, reason)
    try:
        answer = _answer(raw, options)
    except Invalid as error:
        return line.refused(error.details[0]["field"], error.details[0]["reason"])
    return Row(
        line=line.number,
        external_id=_identity(raw.get(options.id_column)),
        text=raw[options.text_column],
        meta=_meta(raw, options),
        answer=answer,
        complete=raw.get("complete"),
        end=line.end,
        begin=line.begin,
        item=line.item,
        source=options.beside(raw, KNOWN),
        may_lose=options.unread_labels == UNLABELLED,
    )


def _fault(raw: dict[str, Any], options: Options) -> tuple[str, str]:
    """The field whose type is wrong, and why; two empty strings when all are right."""
    name = options.text_column
    if not isinstance(raw.get(name), str):
        return name, "must be a string" if name in raw else _missing(raw)
    external_id = raw.get(options.id_column)
    if external_id is not None and type(external_id) not in (str, int):
        return options.id_column, "must be a string or a whole number"
    if not isinstance(raw.get("meta") or {}, dict):
        return "meta", "must be an object"
    if not isinstance(raw.get("complete"), bool | None):
        return "complete", "must be true or false"
    for part, kind in ANSWER.items() if options.labels else ():
        if raw.get(part) is not None and not isinstance(raw[part], kind):
            return part, "must be an object of lists" if kind is dict else "must be a list"
    return "", ""


def _twice(line: Line, options: Options) -> str:
    """A field that is read and stands in the row more than once, of which a parser keeps the last; empty if none is."""
    names = {options.text_column, options.id_column, *KNOWN}
    text = _decoded(line)
    if isinstance(text, Refused) or all(text.count(f'"{name}"') < 2 for name in names):
        return ""  # what stands once at most, wherever, is not there twice
    outermost: list[tuple[str, object]] = []

    def keep(pairs: list[tuple[str, object]]) -> None:
        outermost[:] = pairs

    try:
        json.loads(text, object_pairs_hook=keep, parse_int=str, parse_float=str)
    except RecursionError:  # deeper than anything that is kept
        return ""
    counts = Counter(name for name, _ in outermost)
    return next((name for name in counts if counts[name] > 1 and name in names), "")


def _missing(raw: dict[str, Any]) -> str:
    place = foreign.inner_text(raw)
    return (
        f"is missing; there is a text in `{place}`, but only fields of the row itself are read"
        if place
        else "is missing"
    )


def _answer(raw: dict[str, Any], options: Options) -> dict[str, Any] | None:
    answer: dict[str, Any] = {}
    if options.labels:
        answer = {part: raw[part] for part in ANSWER if raw.get(part) is not None}
        if _is_unit(raw.get("offsets")) and "spans" in answer:
            answer["spans"] = offsets.spans_from(answer["spans"], raw[options.text_column], raw["offsets"])
        if answer and raw.get("complete") is True:
            answer.setdefault("spans", [])  # for nothing is left out
    if foreign.is_of_several(raw) and isinstance(answer.get("classes"), dict):
        # With a choice in dispute, what is left of its question is no answer to it.
        disputed = {item.get("question") for item in raw["disputed"] if isinstance(item, dict)}
        answer["classes"] = {name: chosen for name, chosen in answer["classes"].items() if name not in disputed}
    if chosen := options.chosen(raw):
        classes = answer.get("classes")
        answer["classes"] = (classes if isinstance(classes, dict) else {}) | chosen
    return answer or None


def _is_unit(value: Any) -> bool:
    """Whether this is what an export says of what its spans are counted in, where that is no code points."""
    return isinstance(value, str) and value in offsets.UNITS


def _identity(external_id: str | int | None) -> str | None:
    return None if external_id is None else str(external_id)


def _meta(raw: dict[str, Any], options: Options) -> dict[str, Any]:
    known = KNOWN | options.unkept(raw)
    meta = {name: value for name, value in raw.items() if name not in known}
    # An export names the split, which is drawn anew here; a "split" of anybody else's making is kept.
    if meta.get("split") in ("pool", "check"):
        del meta["split"]
    if _is_unit(meta.get("offsets")):
        del meta["offsets"]
    if foreign.is_of_several(raw):
        meta = {name: value for name, value in meta.items() if name not in OF_SEVERAL}
    return meta | {name: value for name, value in (raw.get("meta") or {}).items() if name not in options.leave_out}
