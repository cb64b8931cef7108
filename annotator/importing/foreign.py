"""Labels of other tools: fields that are not read, but look as if somebody's labels were in them.

Nobody's labels may turn into "nothing here". So a row is looked at for them, by the names of its fields and by what is
in them, before anything empty in it is taken at its word.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

import orjson

# What a value looks like: one of these, or the name of a tool that writes such.
SPANS, TAGS, NAMES, NAMED = "spans", "tags", "names", "named"
DOCCANO, LABEL_STUDIO, LIGHTTAG, PRODIGY = "doccano", "Label Studio", "LightTag", "Prodigy"

REJECT, IGNORE = "reject", "ignore"
_VERDICTS = {
    "reject": REJECT,
    "rejected": REJECT,
    "ignore": IGNORE,
    "ignored": IGNORE,
    "skip": IGNORE,
    "skipped": IGNORE,
}

# What our own exports and snapshots write beside an answer.
OURS = frozenset(
    (
        "annotator",
        "revision",
        "submitted_at",
        "flag",
        "comment",
        "milliseconds",
        "split",
        "rejected",
        "disputed",
        "state",
    )
)

# Names under which tools keep labels, without case and without what parts their words.
_TELLING = frozenset((
    "accept", "annotation", "annotations", "biotags", "categories", "category", "cats", "class", "classes",
    "classification", "classifications", "columnlabel", "completion", "completions", "ents", "entities", "entity",
    "events", "gold", "goldlabels", "intent", "intents", "label", "labels", "mentions", "nertags", "ner", "options",
    "output", "outputs", "prediction", "predictions", "relation", "relations", "response", "responses", "result",
    "results", "sentiment", "slots", "span", "spans", "tag", "tags", "target", "targets", "taxonomy", "triggers",
    "triples",
))  # fmt: skip
# Words that tell as one of several in a name: ``label_text``, ``fine_ner_tags``, ``label.responses``.
_TELLING_WORDS = frozenset((
    "annotations", "entities", "label", "labels", "ner", "responses", "spans", "tags",
))  # fmt: skip
_WORDS = re.compile(r"[^\W_]+")
_FLAG = re.compile(r"[01](\.0+)?|0?\.\d+|true|false|yes|no")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_STARTS = frozenset((
    "start", "startoffset", "startindex", "startchar", "begin", "beginoffset", "from", "offset",
))  # fmt: skip
_ENDS = frozenset((
    "end", "endoffset", "endindex", "endchar", "to", "stop", "length",
))  # fmt: skip
_LABELS = frozenset((
    "label", "labels", "tag", "tags", "type", "entity", "entitygroup", "entitytype", "category", "class", "slot",
    "ner", "value",
))  # fmt: skip
_BRAT = re.compile(r"(T\d+\t\S+ \d+ \d+|R\d+\t\S+ Arg1:|E\d+\t\S+:T|[AM]\d+\t\S+ [TE]\d|#\d+\t)")
_TAG = re.compile(r"O|[BIESLU]-\S.*", re.DOTALL)

_LOOKED_AT = 1_000  # of a list
_ALIKE = 50  # objects with the same names in a list
_DEEP = 64  # as deep as anything that is kept
_LONGEST_JSON = 100_000


class Found(NamedTuple):
    """A field that looks like labels, and what it looks like: a tool's, or a shape. ``empty``: by its name alone."""

    field: str
    like: str
    empty: bool = False


def found(others: Mapping[str, Any], labels: Collection[str] = ()) -> list[Found]:
    """The fields that look like labels; ``labels`` are the names of the project's own, case-folded."""
    looks = []
    for name, value in others.items():
        if name in OURS or value is None or value == "":
            continue
        like = NAMES if _is_flag(value) and name.strip().casefold() in labels else _like(value, labels)
        if not like and is_telling(name):
            like = PRODIGY if name in ("accept", "options") and "_task_hash" in others else NAMED
        if like:
            looks.append(Found(name, like, value in ([], {})))
    keys = _keys(others)
    if {"annotationid", "leadtime"} <= keys.keys():  # whatever stands beside these is somebody's answer
        looks.append(Found(keys["annotationid"], LABEL_STUDIO))
    one_span = _label_key(others, keys)  # a row a span
    if one_span and one_span not in (one.field for one in looks):
        looks.append(Found(one_span, SPANS))
    return looks


@lru_cache(maxsize=4096)
def is_telling(name: str) -> bool:
    """Whether a field is called as those are in which tools keep labels."""
    words = _WORDS.findall(_CAMEL.sub("_", name).casefold())
    return _plain(name) in _TELLING or not _TELLING_WORDS.isdisjoint(words)


def verdict(row: Mapping[str, Any]) -> str:
    """What somebody decided about a row as a whole where it is no yes: reject or ignore, as Prodigy writes it."""
    said = row.get("answer")
    if row.get("was_cancelled") is True:
        return IGNORE
    return _VERDICTS.get(said.strip().casefold(), "") if isinstance(said, str) else ""


def is_binary(row: Mapping[str, Any]) -> bool:
    """Whether the row answers about its one label only, yes or no, as Prodigy's binary views do."""
    return row.get("_is_binary") is True


def is_of_several(row: Mapping[str, Any]) -> bool:
    """Whether this is a line in which an export of ours takes several people's answers together."""
    return type(row.get("answers")) is int and isinstance(row.get("disputed"), list)


def is_disputed(row: Mapping[str, Any]) -> bool:
    """Whether those leave something open."""
    return is_of_several(row) and bool(row["disputed"])


def inner_text(row: Mapping[str, Any]) -> str:
    """Where a text lies that is not at the top of a row, as Label Studio's do; empty where none does."""
    for outer, value in row.items():
        if isinstance(value, Mapping):
            for name, inner in value.items():
                if isinstance(inner, str) and name in ("text", "content", "body", "sentence"):
                    return f"{outer}.{name}"
    return ""


def of_line(text: str) -> str:
    """What a line of plain text is of, if it looks like another format's: a token with its tag, or the like."""
    if text.startswith("__label__"):
        return "fastText"
    if _BRAT.match(text):
        return "brat"
    parts = text.split()
    if len(parts) > 1 and len(parts[0]) < 60 and _TAG.fullmatch(parts[-1]) and (len(parts[-1]) > 1 or len(parts) < 5):
        return "CoNLL"
    return ""


@lru_cache(maxsize=4096)  # the same names stand in row after row
def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name.casefold()))


def _parsed(value: Any) -> Any:
    """A cell of a table, or what a language model said, may hold JSON."""
    if isinstance(value, str) and value[:1] in ("[", "{") and len(value) <= _LONGEST_JSON:
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
    return value


def _like(value: Any, labels: Collection[str], depth: int = 0) -> str:
    """What a value looks like; empty when it is nothing that looks like labels."""
    value = _parsed(value)
    if isinstance(value, str):
        return _like_words(value, labels)
    if depth > _DEEP:
        return ""
    if isinstance(value, Mapping):
        return _like_object(value, labels, depth)
    return _like_list(value, labels, depth) if isinstance(value, list) else ""


def _like_words(value: str, labels: Collection[str]) -> str:
    if value.strip().casefold() in labels:
        return NAMES
    words = value.split() if len(value) <= _LONGEST_JSON else []
    return TAGS if len(words) > 1 and _are_tags(words) else ""


def _are_tags(words: Sequence[str]) -> bool:
    return all(map(_TAG.fullmatch, words)) and any(len(word) > 1 for word in words)


def _like_list(value: list[Any], labels: Collection[str], depth: int) -> str:
    some = value[:_LOOKED_AT]
    if _is_triple(some):
        return SPANS
    if some and all(isinstance(one, str) for one in some):
        if _are_tags(some):
            return TAGS
        return NAMES if all(one.strip().casefold() in labels for one in some) else ""
    return _first(_unlike(some), labels, depth)


def _unlike(values: Sequence[Any]) -> Iterator[Any]:
    """The values of a list, but of objects with the same names some alone: a text may have many tokens."""
    seen: Counter[tuple[str, ...]] = Counter()
    for value in values:
        names = tuple(value) if isinstance(value, dict) else ()
        seen[names] += 1
        if not names or seen[names] <= _ALIKE:
            yield value


def _like_object(value: Mapping[str, Any], labels: Collection[str], depth: int) -> str:
    keys = _keys(value)
    if {"fromname", "toname"} <= keys.keys() or isinstance(value.get("result"), list):
        return LABEL_STUDIO
    if {"startoffset", "endoffset"} <= keys.keys() or {"fromid", "toid"} <= keys.keys():
        return DOCCANO
    if _label_key(value, keys):
        return LIGHTTAG if "tag" in keys else SPANS
    if {"head", "child", "label"} <= keys.keys():
        return PRODIGY
    if value and all(map(_is_number, value.values())) and all(key.strip().casefold() in labels for key in value):
        return NAMES
    return _first(islice(value.values(), _LOOKED_AT), labels, depth) or _telling_part(value)


def _telling_part(value: Mapping[str, Any]) -> str:
    """Within an object a name tells only where something stands under it."""
    return NAMED if any(part and is_telling(name) for name, part in islice(value.items(), _LOOKED_AT)) else ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _is_flag(value: Any) -> bool:
    """Whether it says yes or no, or how sure a model is: 0, 1, true, 0.93; in a table, too."""
    if isinstance(value, str):
        return _FLAG.fullmatch(value.strip().casefold()) is not None
    return _is_number(value) and 0 <= value <= 1


def _keys(value: Mapping[str, Any]) -> dict[str, str]:
    return {_plain(key): key for key in islice(value, _LOOKED_AT)}


def _label_key(value: Mapping[str, Any], keys: Mapping[str, str]) -> str:
    """The key of the label, where an object has the place of a piece of text as well."""
    places = [keys[plain] for plain in keys if plain in _STARTS], [keys[plain] for plain in keys if plain in _ENDS]
    if all(any(_is_place(value[key]) for key in found) for found in places):
        return next((keys[plain] for plain in keys if plain in _LABELS), "")
    return ""


def _is_place(value: Any) -> bool:
    return str(value).removesuffix(".0").isdecimal()


def _first(values: Iterable[Any], labels: Collection[str], depth: int) -> str:
    inner = (_like(one, labels, depth + 1) for one in map(_parsed, values) if isinstance(one, Mapping | list))
    return next(filter(None, inner), "")


def _is_triple(value: list[Any]) -> bool:
    """``[start, end, label]``, in any order."""
    words = [one for one in value if isinstance(one, str)]
    return len(value) == 3 and len(words) == 1 and sum(map(_is_place, value)) == 2 and not _is_place(words[0])
