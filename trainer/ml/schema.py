"""What a model is asked: span labels, choice questions and labels of relations between spans."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trainer.ml.examples import Example

FORMAT_VERSION = 1


class NothingToLearn(ValueError):
    """The data holds no example of anything that a model could learn."""


class SchemaError(ValueError):
    """The data names a label, question or choice that the schema does not have."""


@dataclass(frozen=True)
class Question:
    """A question about the whole document; `multiple` allows several choices at once, or none."""

    name: str
    multiple: bool
    choices: tuple[str, ...]


@dataclass(frozen=True)
class Schema:
    """Span labels, questions and relation labels, in a fixed order that the model's outputs follow."""

    spans: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()
    relations: tuple[str, ...] = ()

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> "Schema":
        """From `{"spans": [...], "questions": {name: {"multiple": bool, "choices": [...]}}, "relations": [...]}`."""
        questions = given.get("questions") or {}
        return cls(
            tuple(given.get("spans") or ()),
            tuple(Question(name, bool(q.get("multiple")), tuple(q["choices"])) for name, q in questions.items()),
            tuple(given.get("relations") or ()),
        )

    @classmethod
    def shown_by(cls, examples: "Iterable[Example]") -> "Schema":
        """What the examples show; a question is multiple when any of them gives it several choices."""
        spans: set[str] = set()
        relations: set[str] = set()
        choices: dict[str, set[str]] = {}
        multiple: set[str] = set()
        for example in examples:
            spans.update(span.label for span in example.spans)
            relations.update(relation.label for relation in example.relations)
            for name, chosen in example.classes.items():
                choices.setdefault(name, set()).update(chosen)
                if len(chosen) > 1:
                    multiple.add(name)
        questions = (Question(name, name in multiple, tuple(sorted(found))) for name, found in sorted(choices.items()))
        return cls(tuple(sorted(spans)), tuple(questions), tuple(sorted(relations)))

    def check(self, examples: "Iterable[Example]") -> None:
        """Refuse examples that use a label or choice unknown here."""
        choices = {question.name: set(question.choices) for question in self.questions}
        for example in examples:
            for span in example.spans:
                if span.label not in self.spans:
                    raise SchemaError(f"{example.id}: label {span.label!r} is not in the schema")
            for relation in example.relations:
                if relation.label not in self.relations:
                    raise SchemaError(f"{example.id}: relation {relation.label!r} is not in the schema")
            for name, chosen in example.classes.items():
                unknown = set(chosen) - choices.get(name, set())
                if name not in choices or unknown:
                    raise SchemaError(f"{example.id}: question {name!r} with {sorted(chosen)} is not in the schema")

    def learnable(self, examples: "Iterable[Example]") -> tuple["Schema", dict[str, str]]:
        """The part that the examples can teach, and why not the rest."""
        examples = list(examples)
        seen = Schema.shown_by(examples)
        shown = {question.name: question for question in seen.questions}
        spans = tuple(label for label in self.spans if label in seen.spans)
        reasons = {label: "no example" for label in self.spans if label not in seen.spans}
        questions = []
        for question in self.questions:
            found = shown[question.name].choices if question.name in shown else ()
            if len(found) < 2 and not (question.multiple and found):
                reasons[question.name] = f"only one choice seen: {found[0]}" if found else "no example"
                continue
            kept = tuple(choice for choice in question.choices if choice in found)
            questions.append(Question(question.name, question.multiple, kept))
        relations, reasons_for_relations = self._learnable_relations(examples, seen)
        return Schema(spans, tuple(questions), relations), reasons | reasons_for_relations

    def _learnable_relations(self, examples: "list[Example]", seen: "Schema") -> tuple[tuple[str, ...], dict[str, str]]:
        if not any(example.complete for example in examples):
            # Then nothing tells spans that are not related from spans that nobody has looked at.
            return (), dict.fromkeys(self.relations, "no complete document")
        known = tuple(label for label in self.relations if label in seen.relations)
        return known, {label: "no example" for label in self.relations if label not in known}

    def to_dict(self) -> dict[str, Any]:
        """The inverse of `from_dict`."""
        questions = {q.name: {"multiple": q.multiple, "choices": list(q.choices)} for q in self.questions}
        return {"spans": list(self.spans), "questions": questions, "relations": list(self.relations)}
