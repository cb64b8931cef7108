"""The demo project: what is asked about each mail."""

from __future__ import annotations

from typing import Any

from annotator.demo.mails import TONES, TOPICS

GUIDELINES = """\
What customers write to a shop for household devices, in English and German.

- **topic** is what the mail is mainly about; what is mentioned in passing does not count.
- **tone** is whatever you hear, or nothing.

Beware of words that are sometimes a name and sometimes not: *Hope*, *Frank*, *Summer*, *Breeze*, *Ernst*, *Anker*.
"""

PROJECT: dict[str, Any] = {
    "name": "Customer mails",
    "guidelines": GUIDELINES,
    "spans": [
        {
            "name": "PERSON",
            "definition": "A name as it stands: first name, surname or both; not *Mr*, *Frau* or *Dr*.",
        },
        {
            "name": "PRODUCT",
            "definition": "A device by its name: *Nimbus 300* or *Nimbus*; not *the lamp* or *it*.",
        },
        {"name": "PLACE", "definition": "A town. A surname that could be a town is a PERSON."},
        {"name": "AMOUNT", "definition": "A sum of money with its currency. No percentages, days or order numbers."},
    ],
    "relations": [
        {"name": "ordered_by", "definition": "From the product to who ordered it.", "pairs": [["PRODUCT", "PERSON"]]},
        {"name": "lives_in", "definition": "From a person to the town.", "pairs": [["PERSON", "PLACE"]]},
    ],
    "questions": [
        {"name": "topic", "choices": list(TOPICS)},
        {"name": "tone", "multiple": True, "choices": list(TONES)},
    ],
}
