"""Drive a running install over HTTP with gold labels, and print what it measures beside what we aim at.

It starts an install of its own in a temporary folder, unless ``--url`` names one that runs; then ``--tenant`` and one
``--token`` a person are needed (the first a manager's), and what concerns processes is left out.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import psutil

from annotator.demo import PROJECT, mails
from bench import annotators, crowd, learning, processes, transfer
from bench.client import Client
from bench.figures import Figure, as_json, percentiles, table
from bench.gold import Gold, demo_gold
from tests import corpora
from tests.install import ROOT, install

TENANT = "bench"
PEOPLE = 8
READY_AIM, P95_AIM, PER_SECOND_AIM, SUGGEST_AIM = 8.0, 30.0, 100.0, 50.0


@dataclass
class Bench:
    """A server to measure: who may speak to it, its processes when it is our own, and the figures so far."""

    url: str
    tenant: str
    tokens: list[str]
    folder: Path
    launcher: psutil.Process | None = None
    figures: list[Figure] = field(default_factory=list)
    started: list[Figure] = field(default_factory=list)  # how long that took

    def add(self, *figures: Figure) -> None:
        self.figures += figures
        print(*table(figures).splitlines()[2:], sep="\n", file=sys.stderr, flush=True)

    def manager(self) -> Client:
        return Client(self.url, self.tenant, self.tokens[0])

    def new_project(self, spec: dict[str, Any], name: str) -> int:
        made: int = self.manager()("POST", "/projects", spec | {"name": f"{name} {os.urandom(3).hex()}"})["id"]
        return made


def main() -> int:
    """Measure part by part. What one measured is kept at once, and one that fails does not take the rest along."""
    options = _options()
    failed = 0
    with tempfile.TemporaryDirectory(prefix="marginalia-bench-") as folder, _server(options, Path(folder)) as bench:
        for part in options.parts:
            load, known = os.getloadavg()[0], len(bench.figures)
            try:
                PARTS[part](bench, options)
            except (RuntimeError, OSError) as error:
                print(f"{part}: {error}", file=sys.stderr, flush=True)
                failed += 1
            finally:
                if options.json:
                    _keep(options.json, part, load, bench.figures[known:])
    print(f"\nMeasured on {_machine()}.\n\n{table(bench.figures)}")
    return 1 if failed else 0


def _keep(path: Path, part: str, load: float, figures: list[Figure]) -> None:
    """Beside the other parts of the file, in place of what was measured of this one before."""
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    at = time.strftime("%Y-%m-%dT%H:%M:%S")
    kept[part] = {"machine": _machine(), "load": round(load, 1), "at": at, "figures": as_json(figures)}
    ordered = {name: kept[name] for name in PARTS if name in kept}
    path.write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")


@contextlib.contextmanager
def _server(options: argparse.Namespace, folder: Path) -> Iterator[Bench]:
    if options.url:
        yield Bench(options.url.rstrip("/"), options.tenant, options.token, folder)
        return
    data_dir = folder / "var"
    data_dir.mkdir()
    figures = []
    for times in ("the first time, making the database", "again"):
        began = perf_counter()
        with install(data_dir) as running:
            figures.append(Figure(f"start to ready, {times}", perf_counter() - began, "s", READY_AIM))
            if times != "again" and "start" in options.parts:
                continue
            tokens = _people(data_dir)
            yield Bench(running.url, TENANT, tokens, folder, psutil.Process(running.process.pid), started=figures)
            return


def _people(data_dir: Path) -> list[str]:
    env = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL", "SECRET_KEY")}
    command = [sys.executable, "-m", "bench.people", TENANT, str(PEOPLE)]
    printed = subprocess.run(
        command, cwd=ROOT, env=env | {"DATA_DIR": str(data_dir)}, stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    tokens: list[str] = json.loads(printed.splitlines()[-1])
    return tokens


def measure_learning(bench: Bench, options: argparse.Namespace) -> None:
    """Submit to new suggestions; then the suggestion endpoint, now that there is a model."""
    lines, spec, gold = _corpus(options)
    project, client = bench.new_project(spec, "Learning"), bench.manager()
    path = bench.folder / "learning.jsonl"
    path.write_text("".join(json.dumps({"id": d["id"], "text": d["text"]}) + "\n" for d in lines), encoding="utf-8")
    transfer.import_file(client, project, path, len(lines))
    for figure in learning.measure(learning.Learner(client, project, gold), options.goals):
        bench.add(figure)
    texts = [line["text"] for line in lines[: 20 if options.quick else 100]]
    client("POST", f"/projects/{project}/suggest", {"texts": texts[:1]})
    seconds = []
    for text in texts:
        began = perf_counter()
        client("POST", f"/projects/{project}/suggest", {"texts": [text]})
        seconds.append(perf_counter() - began)
    bench.add(*percentiles("suggestion endpoint, one text", seconds, SUGGEST_AIM))


def measure_crowd(bench: Bench, options: argparse.Namespace) -> None:
    """The same on one more screen while eight people label the same project."""
    client, project = bench.manager(), bench.new_project(PROJECT, "Crowd")
    path = bench.folder / "crowd.jsonl"
    transfer.write_mails(path, 3_000)
    transfer.import_file(client, project, path, 3_000)
    with crowd.labelling(bench.url, bench.tenant, bench.tokens[1:] or bench.tokens, project):
        for figure in crowd.measure(learning.Learner(client, project, demo_gold), options.goals):
            bench.add(figure)


def measure_annotating(bench: Bench, options: argparse.Namespace) -> None:
    """Import, `next` and submit with one annotator and with eight, export; then the same in a larger project."""
    for count in (10_000,) if options.quick else (10_000, 100_000):
        path = bench.folder / f"{count}.jsonl"
        transfer.write_mails(path, count)
        project = bench.new_project(PROJECT, f"{count:,} mails")
        bench.add(transfer.import_file(bench.manager(), project, path, count))
        path.unlink()
        size = f"{count // 1000}k documents"
        people = bench.tokens[1:] or bench.tokens
        if bench.launcher:
            with processes.quiet(bench.launcher):
                _annotate(bench, project, people[:1], f"{size}, workers quiet", options)
                _annotate(bench, project, people, f"{size}, workers quiet", options)
        _annotate(bench, project, people, f"{size}, while a model trains", options)
        bench.add(transfer.export(bench.manager(), project, "annotated"))
        bench.add(transfer.export(bench.manager(), project, "all"))


def _annotate(bench: Bench, project: int, tokens: list[str], where: str, options: argparse.Namespace) -> None:
    each = (60 if options.quick else 150) if len(tokens) > 1 else (100 if options.quick else 400)
    repeats = 1 if options.quick else 3
    before = processes.processor_seconds(bench.launcher) if bench.launcher else None
    worked = [annotators.work(bench.url, bench.tenant, tokens, project, each) for _ in range(repeats)]
    who = f"{len(tokens)} annotator{'s' if len(tokens) > 1 else ''}, {where}"
    bench.add(
        *percentiles(f"`next`, {who}", [s for w in worked for s in w.next_seconds], P95_AIM),
        *percentiles(f"submit, {who}", [s for w in worked for s in w.submit_seconds], P95_AIM),
    )
    rate = median(w.per_second for w in worked)
    aim = PER_SECOND_AIM if len(tokens) > 1 else None
    bench.add(Figure(f"documents annotated, {who}", rate, "/s", aim, True, f"median of {repeats}"))
    if bench.launcher and before is not None:
        documents = repeats * len(tokens) * (each + annotators.WARM_UP)
        used = processes.processor_seconds(bench.launcher) - before
        for name, seconds in used.items():
            bench.add(Figure(f"processor time of {name} per document, {who}", seconds / documents * 1000, "ms"))


def measure_memory(bench: Bench, _options: argparse.Namespace) -> None:
    """What each process holds, after whatever was measured before."""
    if bench.launcher:
        bench.add(*processes.memory(bench.launcher))


def measure_reloading(bench: Bench, _options: argparse.Namespace) -> None:
    """The loaded export against an Estimator, in a process of its own."""
    printed = subprocess.run(
        [sys.executable, "-m", "bench.reload", "--json"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    bench.add(*(Figure(**figure) for figure in json.loads(printed.splitlines()[-1])))


def tell_start(bench: Bench, _options: argparse.Namespace) -> None:
    """Starting was measured by starting; see _server."""
    bench.add(*bench.started)


PARTS = {
    "start": tell_start,
    "learning": measure_learning,
    "crowd": measure_crowd,
    "annotating": measure_annotating,
    "memory": measure_memory,
    "reload": measure_reloading,
}


def _corpus(options: argparse.Namespace) -> tuple[list[dict[str, Any]], dict[str, Any], Gold]:
    if options.corpus == "demo":
        return list(mails(2_000, seed=transfer.SEED)), PROJECT, demo_gold
    lines = corpora.load(options.corpus, 5_000, language="en")
    by_id = {line["id"]: line for line in lines}
    return lines, corpora.label_set(options.corpus, lines), by_id.__getitem__


def _machine() -> str:
    memory = psutil.virtual_memory().total / 1024**3
    return f"{psutil.cpu_count()} × {_processor()}, {memory:.0f} GB, Python {platform.python_version()}"


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.loop", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer calls, no large project; some minutes")
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS), help="what to measure")
    parser.add_argument("--goals", nargs="+", type=int, help="documents after which a round is timed")
    parser.add_argument("--corpus", default="demo", help="what is learned from: demo, or a corpus of ../shared/data")
    parser.add_argument("--json", type=Path, help="also keep the figures in this file, by part")
    parser.add_argument("--url", help="an install that runs, for example http://127.0.0.1:8000")
    parser.add_argument("--tenant", help="with --url")
    parser.add_argument("--token", action="append", default=[], help="with --url, once a person, the manager's first")
    options = parser.parse_args()
    options.goals = options.goals or ([20, 100] if options.quick else [20, 100, 500])
    if options.url and not (options.tenant and options.token):
        parser.error("--url needs --tenant and --token")
    return options


if __name__ == "__main__":
    sys.exit(main())
