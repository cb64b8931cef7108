"""One round of training in a worker's child: snapshot → train → evaluate → publish → gate → promote.

Only short scopes (transactions) are opened while the model trains. A round that is killed begins again from its
own snapshot and its last checkpoint, and leaves nothing half published.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any

import structlog
from django.db import Error, connection

from annotator import database, disk, relabel, snapshot, suggestions
from annotator.models import Project, Tenant
from annotator.said import counted
from annotator.spans import Schema
from annotator.tenancy import tenant_scope
from trainer import encoding, phases, predict, rehearsal, runs, store
from trainer.models import ModelVersion, TrainingRun

log = structlog.get_logger(__name__)

WORSE = 0.95  # the gate closes when the new version is worse with at least this probability
POOL_BYTES = 4_000_000  # of the project's own texts that word vectors are learnt from
SCORES = ("spans", "questions", "relations")
LEARNT = ("calibration", "thresholds", "not_learnt", "spans_left_out")  # what training says that the judge does not
BEAT_SECONDS = 2.0
PATIENCE = 300.0  # seconds that a round waits for a database that is away


class Stopped(Exception):
    """Somebody cancelled the run, or another worker took it over."""


def round_for(tenant: Tenant) -> int | None:
    """Work on the tenant's oldest queued run; the id of its project, or None where there was none."""
    with tenant_scope(tenant):
        run = runs.claim()
        project = Project.objects.get(pk=run.project_id) if run else None
    if run is None or project is None:
        return None
    round_ = Round(tenant, project, run)
    try:
        with round_.beating():
            round_.go()
    except Stopped:
        round_.end(lambda: runs.finish(run, TrainingRun.State.CANCELLED, "cancelled"))
    except Exception as error:
        if disk.says_full(error):
            round_.end(lambda: runs.wait_for_room(run))
            return None
        if database.lost(error):
            log.warning("database_lost", run=run.pk, error=str(error))
            round_.end(lambda: runs.put_back(run, "the database went away"))
            return project.pk
        reason = f"{type(error).__name__}: {error}"
        round_.end(lambda: runs.finish(run, TrainingRun.State.FAILED, reason))
        if not isinstance(error, ValueError):
            raise
    finally:
        round_.end(round_.tidy)
    return project.pk


def give_memory_back() -> None:
    """A child stays for the next run: what this one used is held by circles of objects, and then by the allocator."""
    gc.collect()
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError):  # of another C library than GNU's
            ctypes.CDLL(None).malloc_trim(0)


@dataclass(frozen=True)
class Verdict:
    """What the gate says of a new version, and why."""

    metrics: dict[str, Any]
    promote: bool
    why: str


class Round:
    """The work of one run, with its heartbeat."""

    def __init__(self, tenant: Tenant, project: Project, run: TrainingRun) -> None:
        self.tenant, self.project, self.run = tenant, project, run
        self.folder = store.run_dir(tenant.pk, project.pk, run.pk)
        self.pool = self.folder / "pool.jsonl"
        self.labels = self.folder / "labels.json"
        self.watch = phases.Watch("snapshot")
        self.steps: dict[str, int] = {}
        self.stopped = Event()
        self.wake = Event()  # there is something to tell before the next heartbeat
        self.live_before: ModelVersion | None = None
        self.graphs: Any = None  # that are loaded: new and live version mostly share one
        self.encoding: Any = None
        self._model: Any = None

    def go(self) -> None:
        from trainer.ml.training import train

        self.encoding = encoding.of(self.tenant.pk, self.project.pk)
        self.graphs = predict.graphs(self.tenant.pk, self.project.pk)
        began, worked = time.monotonic(), time.process_time()
        data = self.snapshot()
        result = train(
            data,
            self.folder / "model",
            pool=self.pool,
            cache=store.vectors_file(self.tenant.pk, self.project.pk),
            seed=self.run.pk,
            schema=self.schema(),
            previous=self.previous(),
            graphs=self.graphs,
            traced=predict.traced(self.tenant.pk, self.project.pk),
            encoding=self.encoding,
            on_progress=self.report,
        )
        self.note(f"trained on {counted(result['examples'], 'document')} in {time.monotonic() - began:.1f} s")
        export = Path(result["export"])
        self.report({"phase": "evaluate"})
        verdict = self.judge(export, data, result)
        verdict.metrics["seconds"] = round(time.monotonic() - began, 1)
        verdict.metrics["cpu_seconds"] = round(time.process_time() - worked, 1)
        self.report({"phase": "suggest"})
        first = self.first_suggestions(export) if verdict.promote else []
        self.report({"phase": "promote"})
        self.publish(export, result, verdict, first)

    def snapshot(self) -> Path:
        """The run's data with the label set of that moment: written once, found again by a later attempt."""
        path = self.folder / "snapshot.jsonl"
        with self.scope():
            self.live_before = runs.live_version(self.project)
            if self.run.snapshot_sha256 and path.exists() and self.pool.exists() and self.labels.exists():
                runs.note(self.run, "goes on with the snapshot of the attempt before")
                return path
            relabel.hold(self.project)
            self.labels.write_text(json.dumps(Schema.of(self.project).as_json()))
            texts = snapshot.write_texts(self.project, self.pool, POOL_BYTES)
            taken = snapshot.write(self.project, path)
            if not runs.beat(self.run):
                # It was given up for silent while it wrote, and what it wrote may have been deleted since.
                for file in (path, self.pool):
                    file.unlink()
                raise Stopped
            TrainingRun.objects.filter(pk=self.run.pk).update(snapshot_sha256=taken.sha256, watermark=taken.watermark)
            lines, beside = counted(taken.lines, "document"), counted(texts, "text")
            runs.note(self.run, f"snapshot of {lines}, sha256 {taken.sha256[:12]}; {beside}")
        return path

    def schema(self) -> dict[str, Any]:
        """The label set of the snapshot: a label that was renamed since stands there as it was called then."""
        found: dict[str, Any] = json.loads(self.labels.read_text())
        return found

    def judge(self, export: Path, data: Path, result: dict[str, Any]) -> Verdict:
        """Both versions on the same held-out documents: how good the new one is, and whether to promote it."""
        from trainer.ml.evaluation import evaluate_examples
        from trainer.ml.examples import parse
        from trainer.ml.metrics import bootstrap_interval, probability_worse

        with self.scope():
            names = Schema.of(self.project).names
        held_out = [names.line(line) for line in _lines(data) if line.get("split") == "check"]
        told = result["metrics"]
        metrics: dict[str, Any] = {"held_out": len(held_out)} | {name: told[name] for name in LEARNT}
        if not held_out:
            # Measured out of fold, on what it learnt from: worth a look, but nothing to compare versions by.
            metrics |= {name: told[name] for name in SCORES if name in told}
            metrics |= {"out_of_fold": result["held_out"], "intervals": told.get("interval", {})}
            return Verdict(metrics, True, "nothing is held out to compare on yet")
        # A label may have been renamed since the live version was made, or since this run began.
        examples = [parse(dict(line), str(row)) for row, line in enumerate(held_out)]
        new = evaluate_examples(self.model(export), examples, keep=export / store.HELD_OUT, read=names.answer)
        documents = new.pop("documents")
        metrics |= new | {"intervals": bootstrap_interval(documents)}
        try:
            live = self.live_model()
        except (store.Tampered, encoding.Wrong) as error:
            # It cannot suggest anything either, so whatever was learned is better.
            return Verdict(metrics, True, f"the live version cannot be used: {error}")
        if live is None:
            return Verdict(metrics, True, "the first version")
        worse = probability_worse(documents, evaluate_examples(live, examples, read=names.answer)["documents"])
        metrics["probability_worse"] = worse
        most = max(worse.values(), default=0.5)
        on = counted(len(held_out), "held-out document")
        why = f"worse than the live version with probability {most:.2f} on {on}"
        return Verdict(metrics, most < WORSE, why)

    def previous(self) -> Path | None:
        """The live version, for the next one to take its graph from; none that was changed since."""
        owner, live = (self.tenant.pk, self.project.pk), self.live_before
        if live is None:
            return rehearsal.export_of(*owner)
        return store.intact(store.version_dir(*owner, live.number), live.manifest_sha256)

    def model(self, export: Path) -> Any:
        """What was exported, loaded once: it answers the held-out documents and those that people have open."""
        if self._model is None:
            from trainer.ml.predictor import load

            self._model = load(export, self.graphs, self.encoding)
        return self._model

    def first_suggestions(self, export: Path) -> list[tuple[int, suggestions.Prediction]]:
        """For the documents that people have open: these stand in the ledger the moment the version is live, so that
        nobody waits until another process has loaded it."""
        with self.scope():
            documents = predict.opened(self.project)
        return predict.suggested(self.model(export), documents) if documents else []

    def live_model(self) -> Any | None:
        """The live version, if its bytes are as published; most often the last run of this child has left it loaded."""
        with self.scope():
            live = runs.live_version(self.project)
        if live is None:
            return None
        store.verify(store.version_dir(self.tenant.pk, self.project.pk, live.number), live.manifest_sha256)
        return predict.predictor(live)

    def publish(
        self,
        export: Path,
        result: dict[str, Any],
        verdict: Verdict,
        first: Sequence[tuple[int, suggestions.Prediction]],
    ) -> None:
        """Give the version its number, its place and its record, and promote it if the gate lets it pass, together with
        its ``first`` suggestions."""
        with self.scope():
            Project.objects.select_for_update(no_key=True).get(pk=self.project.pk)
            if not runs.beat(self.run):
                raise Stopped
            if runs.live_version(self.project) != self.live_before:
                why = "somebody made another version live while this run was under way"
                verdict = Verdict(verdict.metrics, False, why)
            verdict.metrics[phases.KEPT] = self.watch.told()
            number = runs.next_number(self.project)
            target = store.version_dir(self.tenant.pk, self.project.pk, number)
            version = ModelVersion.objects.create(
                project=self.project,
                run=self.run,
                number=number,
                manifest_sha256=store.publish(export, target),
                examples=result["examples"],
                metrics=verdict.metrics,
            )
            if verdict.promote:
                runs.promote(version, actor=None)
                suggestions.record(self.project, number, first)
            outcome = "promoted" if verdict.promote else "kept, not promoted"
            runs.note(self.run, f"version {number}: {outcome} ({verdict.why})")
            runs.finish(
                self.run,
                TrainingRun.State.SUCCEEDED,
                "" if verdict.promote else f"not promoted: {verdict.why}",
                examples=result["examples"],
                metrics=verdict.metrics,
            )
        if verdict.promote and self._model is not None:
            predict.keep(version, self._model)
        rehearsal.forget(self.tenant.pk, self.project.pk)

    def end(self, write: Callable[[], object]) -> None:
        """Put on record what becomes of the run. If the database stays away, the sweep finds the run silent one day."""
        if database.back_within(PATIENCE):
            with tenant_scope(self.tenant):
                write()

    def tidy(self) -> None:
        """Texts are kept no longer than another attempt may need them."""
        if not TrainingRun.objects.filter(pk=self.run.pk, state__in=TrainingRun.ACTIVE).exists():
            self.pool.unlink(missing_ok=True)

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        """A transaction of its own. Between two, minutes go by: the database may have been restarted meanwhile."""
        database.renew()
        with tenant_scope(self.tenant):
            yield

    def note(self, line: str) -> None:
        with self.scope():
            runs.note(self.run, line)

    def report(self, news: dict[str, Any]) -> None:
        """What training tells us, often; raises Stopped to end it."""
        changed = self.watch.enter(news["phase"])
        if changed or news["phase"] == self.watch.phase:
            self.steps = {name: news.get(name, 0) for name in ("step", "steps")}
        if changed:
            self.wake.set()
        if self.stopped.is_set():
            raise Stopped

    def progress(self) -> dict[str, Any]:
        """How far it is, for the heartbeat."""
        return {"phase": self.watch.phase, "metrics": {phases.KEPT: self.watch.told()}, **self.steps}

    @contextlib.contextmanager
    def beating(self) -> Iterator[None]:
        """Write the progress to the database every two seconds, and where a phase begins, from a thread with its own
        connection."""
        over = Event()
        thread = Thread(target=self._beat_until, args=(over,), name=f"heartbeat of {self.run}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            self.wake.set()
            thread.join()

    def _rests_until(self, over: Event) -> bool:
        """Wait for the next heartbeat; whether there is to be none."""
        self.wake.wait(BEAT_SECONDS)
        self.wake.clear()
        return over.is_set()

    def _beat_until(self, over: Event) -> None:
        heard = time.monotonic()
        try:
            while not self._rests_until(over):
                try:
                    with self.scope():
                        if not runs.beat(self.run, **self.progress()):
                            self.stopped.set()
                    heard = time.monotonic()
                except Error as error:
                    # The run needs no database while it trains; one that is away for long is a reason to stop.
                    log.warning("heartbeat_failed", run=self.run.pk, error=str(error))
                    connection.close()
                    if time.monotonic() - heard > PATIENCE:
                        self.stopped.set()
        finally:
            connection.close()


def _lines(data: Path) -> Iterator[dict[str, Any]]:
    with data.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)
