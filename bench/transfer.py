"""Documents in and out through the API: how many a second."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter, sleep

import orjson

from annotator.demo import mails
from bench.client import Client
from bench.figures import Figure

SEED = 11  # not the demo tenant's series
IMPORT_AIM, EXPORT_AIM = 5_000.0, 20_000.0
AT_ONCE_BYTES = 1024 * 1024
PIECE = 1024 * 1024


def write_mails(path: Path, count: int) -> None:
    """A file of unlabelled demo mails to import."""
    with path.open("wb") as file:
        for mail in mails(count, seed=SEED):
            file.write(orjson.dumps({"id": mail["id"], "text": mail["text"], "meta": mail["meta"]}) + b"\n")


def import_file(client: Client, project: int, path: Path, count: int) -> Figure:
    """From sending the file to the last document stored; a large file is stored by the io worker."""
    size = path.stat().st_size
    began = perf_counter()
    with path.open("rb") as file:
        response = client.raw("POST", f"/projects/{project}/import", file, "application/x-ndjson", size)
        told = orjson.loads(response.read())
    while told.get("state") in ("queued", "running"):
        sleep(0.05)
        told = client("GET", f"/jobs/{told['id']}")
    seconds = perf_counter() - began
    if told.get("state") == "failed" or told["new"] != count:
        raise RuntimeError(f"The import did not store {count} documents: {told}")
    note = f"{size / 1e6:.1f} MB in {seconds:.1f} s"
    return Figure(f"import of {count:,} documents", count / seconds, "documents/s", IMPORT_AIM, True, note)


def export(client: Client, project: int, documents: str) -> Figure:
    """Read the streamed export to its end."""
    began = perf_counter()
    response = client.raw("GET", f"/projects/{project}/export?documents={documents}", None, "")
    lines = read = 0
    while piece := response.read(PIECE):
        lines += piece.count(b"\n")
        read += len(piece)
    seconds = perf_counter() - began
    note = f"{read / 1e6:.1f} MB in {seconds:.2f} s"
    return Figure(f"export of {lines:,} {documents} documents", lines / seconds, "documents/s", EXPORT_AIM, True, note)
