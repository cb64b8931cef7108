"""Make projects and their label sets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from annotator import audit, queue, zones
from annotator.errors import Conflict, Detail, Invalid
from annotator.models import Label, Project, Question, User
from annotator.names import invisible, look
from annotator.said import Said
from annotator.spans import storable_fault

# Eight that stay apart for all eyes (colors.py), on light and on dark paper; then again.
COLORS = ["#2563eb", "#c77700", "#9b357f", "#33a6a0", "#5c6b21", "#b073da", "#c74a51", "#4d5f9c"]
KEYS = "123456789qwertzuiopasdfghjklyxcvbnm"
KEY = re.compile(r"[0-9a-z]")
COLOR = re.compile(r"#[0-9a-fA-F]{6}")
SETTINGS = (
    "guidelines",
    "annotators_per_document",
    "check_share",
    "random_share",
    "allow_overlap",
    "pending_suggestions",
    "time_zone",
)
MOST_LABELS = 1_000  # of all kinds; far more than anybody can choose from
MOST_GUIDELINES = 100_000  # characters
MOST_DEFINITION = 5_000
# Each setting that is a number: whether it is a whole one, the least and the most.
NUMBERS = (
    ("check_share", False, 0, 0.5),
    ("random_share", False, 0, 1),
    ("annotators_per_document", True, 1, 50),
)


def create_project(spec: Mapping[str, Any], *, actor: User | None) -> Project:
    """A project from its JSON form.

    ``{"name", "guidelines"?, "spans": [name | {"name", "color"?, "key"?, "definition"?}], "relations": [the same, and
    "pairs"?: [[head, tail]]], "questions": [{"name", "multiple"?, "choices": [as spans]}],
    "annotators_per_document"?, "check_share"?, "random_share"?, "allow_overlap"?, "pending_suggestions"?,
    "time_zone"?}``.
    Raises Invalid with every fault, Conflict if the name is taken.
    """
    errors = _faults(spec)
    if errors:
        raise Invalid("invalid_project", f"{errors[0]['field']}: {errors[0]['reason']}", errors)
    settings = {name: spec[name] for name in SETTINGS if spec.get(name) is not None}
    try:
        with transaction.atomic():
            project = Project.objects.create(name=spec["name"].strip(), **settings)
    except IntegrityError as error:
        raise Conflict("name_taken", _taken(spec["name"])) from error
    _create_labels(project, spec)
    audit.record(actor, "project.create", project.name, project=project.pk)
    return project


def change_project(project: Project, changes: Mapping[str, Any], *, actor: User | None) -> Project:
    """Change ``name`` or any of the settings; ``archived`` closes the project for annotating, or opens it again.

    Documents keep the split they were drawn into. Raises Invalid with every fault, Conflict if the name is taken.
    """
    errors = _change_faults(changes)
    if errors:
        raise Invalid("invalid_project", f"{errors[0]['field']}: {errors[0]['reason']}", errors)
    project = locked(project)
    fields = {name: changes[name] for name in ("name", *SETTINGS, "show_times") if name in changes}
    if "name" in fields:
        fields["name"] = fields["name"].strip()
    if "archived" in changes and changes["archived"] != (project.archived_at is not None):
        fields["archived_at"] = timezone.now() if changes["archived"] else None
    changed = {name: value for name, value in fields.items() if value != getattr(project, name)}
    if not changed:
        return project
    for name, value in changed.items():
        setattr(project, name, value)
    try:
        with transaction.atomic():
            project.save(update_fields=list(changed))
    except IntegrityError as error:
        raise Conflict("name_taken", _taken(project.name)) from error
    if "annotators_per_document" in changed:
        queue.recount(project)
    said = {name: str(value)[:200] for name, value in changed.items()}
    audit.record(actor, "project.change", project.name, project=project.pk, changed=said)
    return project


def locked(project: Project) -> Project:
    """The project as it stands, until the transaction ends: changes follow one another; who annotates does not wait."""
    return Project.objects.select_for_update(no_key=True).get(pk=project.pk)


def _taken(name: str) -> str:
    return Said("There is a project named %(name)s already.", name=repr(name))


def _change_faults(changes: Mapping[str, Any]) -> list[Detail]:
    errors = _setting_faults(changes)
    fault = _name_fault(changes["name"], 200) if "name" in changes else ""
    if fault:
        errors.insert(0, {"field": "name", "reason": fault})
    for name in ("show_times", "archived"):
        if changes.get(name) not in (None, True, False):
            errors.append({"field": name, "reason": Said("must be true or false")})
    return errors


def _create_labels(project: Project, spec: Mapping[str, Any]) -> None:
    labels, position = [], 0
    kinds: list[tuple[str, Question | None, list[Any]]] = [
        ("span", None, spec.get("spans") or []),
        ("relation", None, spec.get("relations") or []),
    ]
    for place, asked in enumerate(spec.get("questions") or []):
        question = Question.objects.create(
            project=project, name=asked["name"], multiple=bool(asked.get("multiple")), position=place
        )
        kinds.append(("choice", question, asked["choices"]))
    taken = {entry.get("key") for _, _, names in kinds for entry in map(_entry, names)}
    free_keys = (key for key in KEYS if key not in taken)
    for kind, asked_by, names in kinds:
        for entry in map(_entry, names):
            labels.append(
                Label(
                    project=project,
                    kind=kind,
                    question=asked_by,
                    name=entry["name"],
                    color=entry.get("color") or COLORS[position % len(COLORS)],
                    key=entry.get("key") or (next(free_keys, "") if kind != "relation" else ""),
                    definition=entry.get("definition") or "",
                    position=position,
                )
            )
            position += 1
    ids = {label.name: label.pk for label in Label.objects.bulk_create(labels) if label.kind == Label.Kind.SPAN}
    for label, entry in zip((one for one in labels if one.kind == Label.Kind.RELATION), kinds[1][2], strict=True):
        label.pairs = [[ids[head], ids[tail]] for head, tail in _entry(entry).get("pairs") or []]
    Label.objects.bulk_update([label for label in labels if label.pairs], ["pairs"])


def _entry(label: Any) -> Mapping[str, Any]:
    return label if isinstance(label, Mapping) else {"name": label}


def _faults(spec: Mapping[str, Any]) -> list[Detail]:
    errors: list[Detail] = []
    fault = _name_fault(spec.get("name"), 200)
    if fault:
        errors.append({"field": "name", "reason": fault})
    errors += _setting_faults(spec)
    errors += _name_faults("spans", spec.get("spans") or [])
    errors += _name_faults("relations", spec.get("relations") or [])
    questions = spec.get("questions") or []
    errors += _name_faults("questions", questions)
    for i, question in enumerate(questions if isinstance(questions, list) else []):
        choices = question.get("choices") if isinstance(question, Mapping) else None
        if not isinstance(choices, list) or len(choices) < 2:
            errors.append({"field": f"questions[{i}].choices", "reason": Said("must list two choices or more")})
        else:
            errors += _name_faults(f"questions[{i}].choices", choices)
    if not errors:
        errors += _key_faults(spec) + _pair_faults(spec)
    if not errors and not spec.get("spans") and not questions:
        errors.append({"field": "spans", "reason": Said("a project needs a span label or a question")})
    if not errors and _size(spec) > MOST_LABELS:
        reason = Said(
            "a project has at most %(most)s labels and questions; these are %(size)s",
            most=f"{MOST_LABELS:,}",
            size=f"{_size(spec):,}",
        )
        errors.append({"field": "spans", "reason": reason})
    return errors


def _size(spec: Mapping[str, Any]) -> int:
    questions = spec.get("questions") or []
    lists = [spec.get("spans") or [], spec.get("relations") or [], questions, *(q["choices"] for q in questions)]
    return sum(map(len, lists))


def _name_faults(field: str, labels: Any) -> list[Detail]:
    if not isinstance(labels, list):
        return [{"field": field, "reason": "must be a list"}]
    errors: list[Detail] = []
    seen: dict[str, str] = {}
    for i, label in enumerate(labels):
        name = _entry(label).get("name")
        fault = label_fault(_entry(label)) or _twice(seen.get(look(str(name))), name)
        if fault:
            errors.append({"field": f"{field}[{i}]", "reason": fault})
        else:
            seen[look(str(name))] = str(name)
    return errors


def _twice(other: str | None, name: Any) -> str:
    if other is None:
        return ""
    if other == name:
        return Said("is there twice")
    return Said("looks like %(other)s: people could not tell them apart", other=repr(other))


def _key_faults(spec: Mapping[str, Any]) -> list[Detail]:
    """A key that two labels want would only ever give the first."""
    lists = {name: spec.get(name) or [] for name in ("spans", "relations")}
    lists |= {f"questions[{i}].choices": q["choices"] for i, q in enumerate(spec.get("questions") or [])}
    errors: list[Detail] = []
    owners: dict[str, str] = {}
    for field, labels in lists.items():
        for i, entry in enumerate(map(_entry, labels)):
            key = entry.get("key")
            if key in owners:
                reason = Said("the key %(key)s is that of %(name)s already", key=key, name=repr(owners[key]))
                errors.append({"field": f"{field}[{i}]", "reason": reason})
            elif key:
                owners[key] = entry["name"]
    return errors


def _pair_faults(spec: Mapping[str, Any]) -> list[Detail]:
    """A relation joins span labels of the project."""
    spans = {_entry(label)["name"] for label in spec.get("spans") or []}
    errors: list[Detail] = []
    for i, label in enumerate(spec.get("relations") or []):
        for pair in _entry(label).get("pairs") or []:
            if not isinstance(pair, list | tuple) or len(pair) != 2:
                errors.append({"field": f"relations[{i}].pairs", "reason": "must be lists of two names"})
            else:
                unknown = [name for name in pair if name not in spans]
                errors += [
                    {"field": f"relations[{i}].pairs", "reason": f"there is no span label {name!r}"} for name in unknown
                ]
    return errors


def label_fault(label: Mapping[str, Any]) -> str:
    """Why a label cannot be so by itself; empty when it can."""
    name = label.get("name")
    fault = _name_fault(name, 100) or (Said("begins or ends with a space") if name != str(name).strip() else "")
    return fault or shown_fault(label)


def shown_fault(label: Mapping[str, Any]) -> str:
    """Why a label cannot have such a definition, colour or key; empty when it can."""
    definition = label.get("definition")
    if definition:
        fault = storable_fault(definition) if isinstance(definition, str) else Said("must be a text")
        if not fault and len(definition) > MOST_DEFINITION:
            fault = _longer(MOST_DEFINITION)
        if fault:
            return Said("its definition %(fault)s", fault=fault)
    color, key = label.get("color"), label.get("key")
    if color and not (isinstance(color, str) and COLOR.fullmatch(color)):
        return Said("its color must be like #2563eb")
    if key and not (isinstance(key, str) and KEY.fullmatch(key)):
        return Said("its key must be a digit or a small letter from a to z")
    return ""


def _longer(most: int) -> str:
    return Said("is longer than %(most)s characters", most=f"{most:,}")


def _name_fault(name: Any, most: int) -> str:
    if not isinstance(name, str) or not look(name):
        return Said("must be a name")
    if len(name) > most:
        return _longer(most)
    unseen = "" if storable_fault(name) else invisible(name)
    if unseen:
        return Said("has the invisible character %(code)s", code=f"U+{ord(unseen):04X}")
    return storable_fault(name)


def _setting_faults(spec: Mapping[str, Any]) -> list[Detail]:
    errors: list[Detail] = []
    for name, whole, low, high in NUMBERS:
        value = spec.get(name)
        kind = int if whole else (int, float)
        if value is not None and (isinstance(value, bool) or not isinstance(value, kind) or not low <= value <= high):
            text = Said("must be a whole number from %(low)s to %(high)s", low=str(low), high=str(high))
            reason = text if whole else Said("must be a number from %(low)s to %(high)s", low=str(low), high=str(high))
            errors.append({"field": name, "reason": reason})
    guidelines = spec.get("guidelines")
    if guidelines is not None:
        fault = storable_fault(guidelines) if isinstance(guidelines, str) else Said("must be a text")
        if not fault and len(guidelines) > MOST_GUIDELINES:
            fault = _longer(MOST_GUIDELINES)
        if fault:
            errors.append({"field": "guidelines", "reason": fault})
    if spec.get("pending_suggestions") not in (None, *Project.Pending.values):
        errors.append({"field": "pending_suggestions", "reason": Said("must be leave, reject or ask")})
    if spec.get("allow_overlap") not in (None, True, False):
        errors.append({"field": "allow_overlap", "reason": Said("must be true or false")})
    zone = spec.get("time_zone")
    if zone not in (None, "") and not (isinstance(zone, str) and zones.known(zone)):
        errors.append({"field": "time_zone", "reason": zones.UNKNOWN})
    return errors
