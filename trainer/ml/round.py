"""What one training is about: which documents teach, which are only measured on, and what can be learnt at all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trainer.ml.batches import tokenizer_for
from trainer.ml.examples import Example
from trainer.ml.schema import NothingToLearn, Schema
from trainer.ml.tokens import Tokenizer
from trainer.ml.widening import columns_of


@dataclass(frozen=True)
class Round:
    """What one training is about."""

    seen: list[Example]  # trained on
    held: list[Example]  # marked as checks: measured on, never trained on
    schema: Schema  # what can be learnt
    columns: Schema  # of what is asked, that which an export has room for
    reasons: dict[str, str]
    tokenizer: Tokenizer

    @classmethod
    def of(cls, examples: Sequence[Example], schema: Schema | None) -> "Round":
        asked = schema or Schema.shown_by(examples)
        asked.check(examples)
        seen = [e for e in examples if not e.check and (e.complete or e.classes or e.spans or e.rejected)]
        learnt, reasons = asked.learnable(seen)
        if not learnt.spans and not learnt.questions:
            raise NothingToLearn(_why_nothing(examples, seen, reasons))
        held = [e for e in examples if e.check]
        return cls(seen, held, learnt, columns_of(learnt, asked), reasons, tokenizer_for(seen))


def _why_nothing(examples: Sequence[Example], useful: Sequence[Example], reasons: Mapping[str, str]) -> str:
    if not examples:
        return "nothing to learn: the data has no lines"
    if not useful:
        return "nothing to learn: no line to train on is complete, answers a question or decides on a span"
    if any(e.rejected for e in useful) and not any(e.spans for e in useful):
        return "nothing to learn: every decision is a rejection; it takes an accepted span, too"
    told = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
    return f"nothing to learn: no labelled span and no question with two choices ({told or 'no label at all'})"
