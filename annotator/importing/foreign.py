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
BRAT, CHAT = "brat", "OpenAI"

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
    "accept", "ann", "annotation", "annotations", "anns", "arcs", "aspects", "aspectterms", "biotags", "brat",
    "categories", "category", "cats", "choice", "choices", "class", "classes", "classification",
    "classificationannotation", "classifications", "classname", "classnames", "columnlabel", "completion",
    "completions", "denotations", "emotion", "emotions", "entities", "entity", "ents", "events", "gold",
    "goldlabels", "groundtruth", "highlights", "intent", "intents", "label", "labels", "mentions", "ner", "nertags",
    "options", "output", "outputs", "polarity", "prediction", "predictions", "relation", "relations", "response",
    "responses", "result", "results", "sentiment", "slots", "span", "spans", "stance", "standoff", "tag", "tags",
    "target", "targets", "taxonomy", "triggers", "triples",
))  # fmt: skip
# Words that tell as one of several in a name: ``label_text``, ``fine_ner_tags``, ``label.responses``, ``ent_type``.
_TELLING_WORDS = frozenset((
    "annotations", "ent", "ents", "entities", "label", "labels", "ner", "responses", "spans", "tags",
))  # fmt: skip
_TELLING_LAST = "suggestion"  # as Argilla's ``topic.suggestion``; alone, it may be anybody's
# Names that people have for other things, too: these tell where more than a word stands under them.
_TELLING_LISTS = frozenset(("answers", "suggestions"))
_WORDS = re.compile(r"[^\W_]+")
_FLAG = re.compile(r"[01](\.0+)?|0?\.\d+|true|false|yes|no")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_STARTS = frozenset((
    "start", "starts", "startoffset", "startindex", "startchar", "begin", "begins", "beginoffset", "from", "offset",
))  # fmt: skip
_ENDS = frozenset((
    "end", "ends", "endoffset", "endindex", "endchar", "to", "stop", "length",
))  # fmt: skip
_BOTH = frozenset(("indices", "offsets", "span", "spans"))
_LABELS = frozenset((
    "label", "labels", "tag", "tags", "type", "types", "entity", "entitygroup", "entitytype", "category", "class",
    "slot", "ner", "value",
))  # fmt: skip
# What else they are called within an object, where of a whole row these say nothing.
_BOTH_IN_OBJECTS = _BOTH | frozenset(
    ("loc", "location", "locations", "pos", "position", "positions", "range", "ranges")
)
_NAMES_IN_OBJECTS = _LABELS | frozenset((
    "classid", "concept", "enttype", "infons", "kind", "kinds", "labelname", "name", "names", "obj", "semantictype",
    "tagname",
))  # fmt: skip
# As a table holds what a program wrote: ``[(0, 7, 'ORG')]``, ``{'start': 0, …``.
_WRITTEN = re.compile(
    r"""[\[({].*?((?<!\d)\d{1,9}, ?\d{1,9}, ?['"]|['"](begin|ents|entities|labels?|start)\w{0,20}['"]: ?\S)""",
    re.DOTALL,
)
_BRAT = re.compile(r"(T\d+\t\S+ \d+ \d+|R\d+\t\S+ Arg1:|E\d+\t\S+:T|[AM]\d+\t\S+ [TE]\d|#\d+\t)")
_TAG = re.compile(r"O|[BIESLU]-\S.*", re.DOTALL)

_BINARY_VIEWS = ("ner", "spans", "classification")
_ASKED_ABOUT = frozenset(("rank", "priority", "pattern"))

_LOOKED_AT = 1_000  # of a list
_ALIKE = 50  # objects with the same names in a list
_DEEP = 64  # as deep as anything that is kept
_LONGEST_JSON = 100_000


class Found(NamedTuple):
    """A field that looks like labels, and what it looks like: a tool's, or a shape. ``empty``: by its name alone."""

    field: str
    like: str
    empty: bool = False


def found(others: Mapping[str, Any], labels: Collection[str] = (), asked: Collection[str] = ()) -> list[Found]:
    """The fields that look like labels. ``labels`` and ``asked``: the project's own and its questions, case-folded."""
    looks = []
    for name, value in others.items():
        if name in OURS or value is None or value == "":
            continue
        called = name.strip().casefold()
        by_name = called in asked or (called in labels and (_is_flag(value) or _holds(value)))
        like = NAMES if by_name else _like(value, labels)
        if not like and (is_telling(name) or (_plain(name) in _TELLING_LISTS and isinstance(value, dict | list))):
            like = PRODIGY if name in ("accept", "options") and "_task_hash" in others else NAMED
        if like:
            looks.append(Found(name, like, value in ([], {})))
    keys = _keys(others)
    if {"annotationid", "leadtime"} <= keys.keys():  # whatever stands beside these is somebody's answer
        looks.append(Found(keys["annotationid"], LABEL_STUDIO))
    told = {one.field for one in looks}
    one_span = _label_key(others, keys)  # a row a span, or lists side by side: starts, ends, labels
    looks += [Found(one_span, SPANS)] if one_span and one_span not in told else []
    looks += [Found(name, TAGS) for name in _beside_tokens(others) if name not in told]
    return looks


def _beside_tokens(others: Mapping[str, Any]) -> list[str]:
    """The fields that have something for each token."""
    known = (others.get(name) for name in ("tokens", "words"))
    tokens: list[Any] = next((value for value in known if isinstance(value, list)), [])
    if len(tokens) < 2 or not all(isinstance(token, str) for token in tokens):
        return []
    lists = {name: value for name, value in others.items() if isinstance(value, list) and value is not tokens}
    return [
        name
        for name, value in lists.items()
        if len(value) == len(tokens) and all(isinstance(one, str) or type(one) is int for one in value)
    ]


@lru_cache(maxsize=4096)
def is_telling(name: str) -> bool:
    """Whether a field is called as those are in which tools keep labels."""
    words = _WORDS.findall(_CAMEL.sub("_", name).casefold())
    if len(words) > 1 and words[-1] == _TELLING_LAST:
        return True
    return _plain(name) in _TELLING or not _TELLING_WORDS.isdisjoint(words)


def is_binary(row: Mapping[str, Any], spans: Any = ()) -> bool:
    """Whether the row answers about what it showed only, yes or no, as in Prodigy's views that nobody can mark in.

    Older versions say so nowhere; but of what a model asks about, it tells how sure it is.
    """
    if row.get("_is_binary") is True or row.get("_view_id") in _BINARY_VIEWS:
        return True
    shown = [span for span in spans if isinstance(span, Mapping)] if isinstance(spans, list) else []
    return "_task_hash" in row and any("score" in span and not _ASKED_ABOUT.isdisjoint(span) for span in shown)


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
    if _BRAT.match(value):
        return BRAT
    if len(value) <= _LONGEST_JSON and _WRITTEN.match(value):
        return SPANS
    words = value.split() if len(value) <= _LONGEST_JSON else []
    return TAGS if len(words) > 1 and _are_tags(words) else ""


def _are_tags(words: Sequence[str]) -> bool:
    return all(map(_TAG.fullmatch, words)) and any(len(word) > 1 for word in words)


def _like_list(value: list[Any], labels: Collection[str], depth: int) -> str:
    some = value[:_LOOKED_AT]
    if _is_triple(some) or (some and isinstance(some[0], list) and _is_pair(some)):
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
    if _label_key(value, keys, inner=True):
        return LIGHTTAG if "tag" in keys else SPANS
    if {"head", "child", "label"} <= keys.keys():
        return PRODIGY
    if value and all(
        key.strip().casefold() in labels and (_is_number(one) or _holds(one)) for key, one in value.items()
    ):
        return NAMES
    if value.get("role", value.get("from")) in ("assistant", "gpt") and ("content" in keys or "value" in keys):
        return CHAT
    return _first(islice(value.values(), _LOOKED_AT), labels, depth) or _telling_part(value)


def _telling_part(value: Mapping[str, Any]) -> str:
    """Within an object a name tells only where something stands under it."""
    return NAMED if any(part and is_telling(name) for name, part in islice(value.items(), _LOOKED_AT)) else ""


def _holds(value: Any) -> bool:
    """Whether words or places may stand in it, and not numbers alone."""
    return isinstance(value, dict) or (isinstance(value, list) and not all(map(_is_number, value)))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _is_flag(value: Any) -> bool:
    """Whether it says yes or no, or how sure a model is: 0, 1, true, 0.93; in a table, too."""
    if isinstance(value, str):
        return _FLAG.fullmatch(value.strip().casefold()) is not None
    return _is_number(value) and 0 <= value <= 1


def _keys(value: Mapping[str, Any]) -> dict[str, str]:
    return {_plain(key): key for key in islice(value, _LOOKED_AT)}


def _label_key(value: Mapping[str, Any], keys: Mapping[str, str], *, inner: bool = False) -> str:
    """The key of the label, where an object has the place of a piece of text as well, or lists of places."""
    places = [[keys[plain] for plain in keys if plain in edge] for edge in (_STARTS, _ENDS)]
    both = _BOTH_IN_OBJECTS if inner else _BOTH
    pairs = [keys[plain] for plain in keys if plain in both and _is_pair(value[keys[plain]])]
    if not pairs and not all(any(_are_places(value[key]) for key in found) for found in places):
        return ""
    lists = any(isinstance(value[key], list) for key in (*pairs, *places[0]))  # these are nothing but places
    names = _NAMES_IN_OBJECTS if inner or lists else _LABELS
    return next((keys[plain] for plain in keys if plain in names and keys[plain] not in pairs), "")


def _is_place(value: Any) -> bool:
    return str(value).removesuffix(".0").isdecimal()


def _are_places(value: Any) -> bool:
    """A place, or a list of them."""
    return all(map(_is_place, value[:_LOOKED_AT])) and value != [] if isinstance(value, list) else _is_place(value)


def _is_pair(value: Any, depth: int = 0) -> bool:
    """``[start, end]``, a list of such (of such, as coreferences are), or of objects with a place."""
    if not isinstance(value, list) or not value or depth > 2:
        return False
    if isinstance(value[0], dict):
        keys = _keys(value[0])
        return any(plain in _STARTS for plain in keys) and any(plain in _ENDS for plain in keys)
    if isinstance(value[0], list):
        return all(_is_pair(one, depth + 1) for one in value[:_LOOKED_AT])
    return len(value) == 2 and all(map(_is_place, value)) and float(value[0]) < float(value[1])


def _first(values: Iterable[Any], labels: Collection[str], depth: int) -> str:
    inner = (_like(one, labels, depth + 1) for one in map(_parsed, values) if isinstance(one, Mapping | list))
    return next(filter(None, inner), "")


def _is_triple(value: list[Any]) -> bool:
    """``[start, end, label]``, in any order, perhaps with the words or a score; ``[[start, end], label]``."""
    words = [one for one in value if isinstance(one, str) and not _is_place(one)]
    places = [one for one in value if _is_number(one) and _is_place(one)]
    if any(map(_is_pair, value)):
        return bool(words) and len(value) <= 4
    return 3 <= len(value) <= 4 and len(places) == 2 and bool(words)
