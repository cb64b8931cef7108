#!/usr/bin/env bash
# doccano 1.8.4 (its own import parser, with chardet 4.0.0, the newest that it allows), Python 3.11.
#
# Expected: a JSON line in UTF-8, which is what JSON is written in, comes in as it is.
# Seen: with the import's default encoding, "Auto", chardet guesses from the file's bytes, and doccano believes it however unsure it is.
#   One "ø" in a short file makes it ISO-8859-1. The letter becomes two, nothing is reported as an error, and a label's offsets no
#   longer fit: they count the letters of the file, not of what was stored. A file with "ü" and "ö" is read rightly, so whether a
#   file survives depends on its letters.
# What follows: where a file goes to doccano, name the encoding in its import form; where one comes from it, look at a label's words
#   before believing its offsets. Our own import reads JSON as UTF-8 unless somebody chooses otherwise.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check chardet==4.0.0 pandas==1.5.3 numpy==1.26.4 pyexcel==0.7.3 lml==0.2.0 texttable==1.7.0 \
  pyexcel-io==0.6.7 seqeval==1.2.2 scikit-learn==1.5.2 scipy==1.14.1 joblib==1.4.2 threadpoolctl==3.5.0
venv/bin/pip download -q --disable-pip-version-check --no-deps doccano==1.8.4
venv/bin/python - <<'PYTHON'
import json
import sys
import zipfile

with zipfile.ZipFile("doccano-1.8.4-py3-none-any.whl") as wheel:
    wheel.extractall("doccano", [name for name in wheel.namelist() if name.startswith("backend/data_import/")])
sys.path.insert(0, "doccano/backend")
from data_import.pipeline.parsers import JSONLParser, detect_encoding

seen = {}
for text, words in (("Mrs Sørensen left.", "Sørensen"), ("Herr Müller aus Köln", "Köln")):
    start = text.index(words)
    row = {"text": text, "label": [[start, start + len(words), "NAME"]]}
    with open("rows.jsonl", "w", encoding="utf-8") as file:
        file.write(json.dumps(row, ensure_ascii=False) + "\n")
    parser = JSONLParser()
    [read] = list(parser.parse("rows.jsonl"))
    first, last, _ = read["label"][0]
    seen[text] = (detect_encoding("rows.jsonl"), read["text"], read["text"][first:last], parser.errors)
    print(f"{text!r}: taken for {seen[text][0]}, stored as {read['text']!r}, the label on {read['text'][first:last]!r}")

assert seen["Mrs Sørensen left."] == ("ISO-8859-1", "Mrs SÃ¸rensen left.", "SÃ¸rense", [])
assert seen["Herr Müller aus Köln"] == ("utf-8", "Herr Müller aus Köln", "Köln", [])
print("as described")
PYTHON
