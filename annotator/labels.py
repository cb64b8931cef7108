"""Change a project's label set while people work with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

from annotator import audit, colors, relabel
from annotator.dictionary import learning
from annotator.errors import Conflict, Detail, Invalid
from annotator.models import Label, Project, Question, User
from annotator.names import look
from annotator.projects import KEYS, MOST_LABELS, label_fault, locked, shown_fault
from annotator.said import Said

PLAIN = ("color", "key", "definition", "retired")


def add(
    project: Project,
    *,
    kind: str,
    name: str,
    question: str | None = None,
    color: str = "",
    key: str = "",
    definition: str = "",
    pairs: Sequence[Sequence[str]] = (),
    actor: User | None,
) -> Label:
    """One more label at the end of the set; a choice belongs to a question that is there.

    ``pairs`` are the names of span labels that a relation may join. Raises Invalid naming what is wrong, Conflict if
    there is such a label already.
    """
    project = locked(project)
    entry = {"name": name, "color": color, "key": key, "definition": definition}
    fault = label_fault(entry)
    if fault:
        raise _invalid("name", fault)
    if kind not in Label.Kind.values:
        raise _invalid("kind", Said("must be one of %(these)s", these=", ".join(Label.Kind.values)))
    asked_by = next((one for one in Question.objects.filter(project=project) if one.name == question), None)
    if (kind == Label.Kind.CHOICE) != (asked_by is not None) or (question and asked_by is None):
        raise _invalid(
            "question",
            Said("must name a question of this project") if kind == "choice" else Said("is for choices only"),
        )
    labels = list(Label.objects.filter(project=project))
    if len(labels) >= MOST_LABELS:
        raise _invalid("name", Said("the project has %(most)s labels; there cannot be more", most=f"{MOST_LABELS:,}"))
    label = Label(project=project, question=asked_by, kind=kind, name=name, color=color, definition=definition)
    label.color = color or _free_color(label, labels)
    label.key = key or _free_key(labels, kind)
    label.pairs = _pairs(label, pairs, labels)
    label.position = max((one.position for one in labels), default=0) + 1
    _check_name(label, labels)
    _check_key(label, labels)
    label.save()
    audit.record(actor, "label.create", name, project=project.pk, kind=kind)
    return label


def change(label: Label, changes: Mapping[str, Any], *, actor: User | None) -> Label:
    """Change how a label looks and what it means: ``color``, ``key``, ``definition``, ``retired``, ``pairs`` (by name).

    No answer changes by this. What is retired stays where it was given. Raises Invalid naming what is wrong.
    """
    project = locked(label.project)
    labels = list(Label.objects.filter(project=project))
    label = next(one for one in labels if one.pk == label.pk)
    for field, value in changes.items():
        fault = shown_fault({field: value})
        if field == "color" and not value:
            fault = Said("must be like #2563eb")
        if fault:
            raise _invalid(field, fault)
    before = {name: getattr(label, name) for name in changes}
    for name in PLAIN:
        if name in changes:
            setattr(label, name, changes[name])
    if "pairs" in changes:
        label.pairs = _pairs(label, changes["pairs"], labels)
    if label.retired and not _left(label, labels):
        raise _invalid(
            "retired", Said("nothing would be left to give: a project needs a span label or a choice of two")
        )
    _check_key(label, labels)
    label.save()
    changed = {name: [old, getattr(label, name)] for name, old in before.items() if old != getattr(label, name)}
    if changed:
        audit.record(actor, "label.change", label.name, project=project.pk, kind=label.kind, changed=changed)
    return label


def rename(label: Label, name: str, *, actor: User | None) -> Label:
    """Call a label otherwise, everywhere at once; what still comes in under the old name is read as it.

    Raises Invalid when that is no name, Conflict when it is another label's, or was.
    """
    project = locked(label.project)
    relabel.hold_alone(project)
    labels = list(Label.objects.filter(project=project).select_related("question"))
    label = next(one for one in labels if one.pk == label.pk)
    fault = label_fault({"name": name})
    if fault:
        raise _invalid("name", fault)
    if name == label.name:
        return label
    before, answers = label.name, relabel.rewrite(label, name)
    label.name = name
    label.former = [*(old for old in label.former if old != name), before]
    _check_name(label, labels)
    label.save()
    audit.record(actor, "label.rename", name, project=project.pk, kind=label.kind, before=before, answers=answers)
    return label


def merge(label: Label, into_id: int, *, actor: User | None) -> Label:
    """Make two labels one: wherever the first was given, the second stands. This cannot be taken back.

    Raises Invalid when they are not of one kind (and one question) of one project, or the second is retired.
    """
    project = locked(label.project)
    relabel.hold_alone(project)
    labels = {one.pk: one for one in Label.objects.filter(project=project).select_related("question")}
    label = labels[label.pk]
    into = mate(label, into_id)
    with learning.merging(project, label, into) if label.kind == Label.Kind.SPAN else nullcontext():
        answers = relabel.rewrite(label, into.name)
        into.former = [*into.former, *label.former, label.name]
        into.save()
    for relation in labels.values():
        if any(label.pk in pair for pair in relation.pairs):
            moved = [tuple(into.pk if end == label.pk else end for end in pair) for pair in relation.pairs]
            relation.pairs = [list(pair) for pair in dict.fromkeys(moved)]
            relation.save()
    label.delete()
    audit.record(
        actor, "label.merge", into.name, project=project.pk, kind=into.kind, merged=label.name, answers=answers
    )
    return into


def mate(label: Label, into_id: int) -> Label:
    """The label that this one may be merged into. Raises Invalid where it may not."""
    into = Label.objects.filter(project=label.project_id, pk=into_id).select_related("question").first()
    if into is None or into.pk == label.pk or (into.kind, into.question_id) != (label.kind, label.question_id):
        raise _invalid("into", Said("must be another label of the same kind, and of the same question"))
    if into.retired:
        raise _invalid("into", Said("%(name)s is retired: bring it back first", name=repr(into.name)))
    return into


def reorder(project: Project, order: Sequence[int], *, actor: User | None) -> None:
    """Put the labels with these ids in this order, on the places that they have among all."""
    locked(project)
    labels = {label.pk: label for label in Label.objects.filter(project=project, pk__in=order)}
    wanted = [labels[pk] for pk in dict.fromkeys(order) if pk in labels]
    places = sorted(label.position for label in wanted)
    before = [label.pk for label in sorted(wanted, key=lambda label: (label.position, label.pk))]
    if before == [label.pk for label in wanted]:
        return
    distinct = range(places[0], places[0] + len(places)) if len(set(places)) < len(places) else places
    for label, place in zip(wanted, distinct, strict=True):
        label.position = place
    Label.objects.bulk_update(wanted, ["position"])
    audit.record(actor, "label.reorder", project.name, project=project.pk, order=[label.name for label in wanted])


def add_question(
    project: Project, *, name: str, choices: Sequence[str], multiple: bool = False, actor: User | None
) -> Question:
    """One more question about a whole document, with its choices. Raises Invalid, or Conflict if it is there."""
    project = locked(project)
    fault = label_fault({"name": name})
    if fault:
        raise _invalid("question_name", fault)
    wanted = list(dict.fromkeys(choices))
    if len(wanted) < 2:
        raise _invalid("question_choices", Said("must list two choices or more"))
    questions = list(Question.objects.filter(project=project))
    _check_question(name, questions)
    question = Question.objects.create(
        project=project,
        name=name,
        multiple=multiple,
        position=max((one.position for one in questions), default=0) + 1,
    )
    audit.record(actor, "question.create", name, project=project.pk)
    for choice in wanted:
        add(project, kind=Label.Kind.CHOICE, name=choice, question=name, actor=actor)
    return question


def rename_question(question: Question, name: str, *, actor: User | None) -> Question:
    """Call a question otherwise, in all answers at once; what still comes in under the old name is read as it.

    Raises Invalid when that is no name, Conflict when it is another question's, or was.
    """
    project = locked(question.project)
    relabel.hold_alone(project)
    questions = {one.pk: one for one in Question.objects.filter(project=project)}
    question = questions.pop(question.pk)
    fault = label_fault({"name": name})
    if fault:
        raise _invalid("name", fault)
    if name == question.name:
        return question
    _check_question(name, list(questions.values()))
    before, answers = question.name, relabel.ask_as(question, name)
    question.name = name
    question.former = [*(old for old in question.former if old != name), before]
    question.save()
    audit.record(actor, "question.rename", name, project=project.pk, before=before, answers=answers)
    return question


def _check_question(name: str, others: Sequence[Question]) -> None:
    for other in others:
        if look(other.name) == look(name):
            raise Conflict("label_taken", Said("There is a question named %(name)s already.", name=repr(other.name)))
        if name in other.former:
            told = Said(
                "%(name)s is a former name of %(other)s, and is read as that.", name=repr(name), other=repr(other.name)
            )
            raise Conflict("label_taken", told)


def _invalid(field: str, reason: str) -> Invalid:
    detail: Detail = {"field": field, "reason": reason}
    return Invalid("invalid_label", f"{field}: {reason}", [detail])


def _free_color(label: Label, labels: Sequence[Label]) -> str:
    """Far from those that people see beside it."""
    group = (label.kind, label.question_id)
    beside = [one.color for one in labels if (one.kind, one.question_id) == group and not one.retired]
    return colors.free(beside, 1)[0]


def _free_key(labels: Sequence[Label], kind: str) -> str:
    used = {label.key for label in labels if not label.retired}
    return "" if kind == Label.Kind.RELATION else next((key for key in KEYS if key not in used), "")


def _check_key(label: Label, labels: Sequence[Label]) -> None:
    """A key that two labels want would only ever give the first; what is retired needs none."""
    if not label.key or label.retired:
        return
    for other in labels:
        if other.pk != label.pk and other.key == label.key and not other.retired:
            raise _invalid(
                "key", Said("the key %(key)s is that of %(name)s already", key=label.key, name=repr(other.name))
            )


def _check_name(label: Label, labels: Sequence[Label]) -> None:
    """A name is one label's only, and stays so when that is called otherwise: it stands in its history."""
    for other in labels:
        if other.pk == label.pk or (other.kind, other.question_id) != (label.kind, label.question_id):
            continue
        if other.name == label.name:
            told = Said("There is a label named %(name)s of this kind already.", name=repr(label.name))
            raise Conflict("label_taken", told)
        if look(other.name) == look(label.name):
            told = Said(
                "%(name)s looks like %(other)s: people could not tell them apart.",
                name=repr(label.name),
                other=repr(other.name),
            )
            raise Conflict("label_taken", told)
        if label.name in other.former:
            told = Said(
                "%(name)s is a former name of %(other)s, and is read as that.",
                name=repr(label.name),
                other=repr(other.name),
            )
            raise Conflict("label_taken", told)


def _pairs(label: Label, pairs: Sequence[Sequence[str]], labels: Sequence[Label]) -> list[list[int]]:
    """Pairs of names as pairs of ids, each once."""
    if pairs and label.kind != Label.Kind.RELATION:
        raise _invalid("pairs", Said("are for relations only"))
    spans = {one.name: one.pk for one in labels if one.kind == Label.Kind.SPAN}
    for name in (name for pair in pairs for name in pair):
        if name not in spans:
            raise _invalid("pairs", Said("there is no span label %(name)s in this project", name=repr(name)))
    return [list(pair) for pair in dict.fromkeys((spans[head], spans[tail]) for head, tail in pairs)]


def _left(label: Label, labels: Sequence[Label]) -> bool:
    """Whether anything can be given beside this label."""
    return any(one.kind != Label.Kind.RELATION and not one.retired for one in labels if one.pk != label.pk)
