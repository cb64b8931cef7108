"""The demo project: what is asked about each mail."""

from __future__ import annotations

from typing import Any

from annotator.demo.mails import TONES, TOPICS

GUIDELINES = """\
What customers write to a shop for household devices, in English and German.

PERSON: a name as it stands there, first name, surname or both, without Mr, Frau or Dr.
PRODUCT: a device by its name (Nimbus 300, or Nimbus alone); not "the lamp" or "it".
PLACE: a town. A surname that could be a town is a PERSON.
AMOUNT: a sum of money with its currency. Percentages, days and order numbers are none.

topic: what the mail is mainly about; what is mentioned in passing does not count.
tone: whatever you hear, or nothing.
ordered_by: from the product to the person who ordered it. lives_in: from a person to the town.

Beware of words that are sometimes a name and sometimes not: Hope, Frank, Summer, Breeze, Ernst, Anker.
"""

PROJECT: dict[str, Any] = {
    "name": "Customer mails",
    "guidelines": GUIDELINES,
    "spans": ["PERSON", "PRODUCT", "PLACE", "AMOUNT"],
    "relations": ["ordered_by", "lives_in"],
    "questions": [
        {"name": "topic", "choices": list(TOPICS)},
        {"name": "tone", "multiple": True, "choices": list(TONES)},
    ],
}
