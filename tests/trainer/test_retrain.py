"""One round, on real TensorFlow in this process: what it leaves on record, and what the gate makes of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from uuid import uuid4

import pytest
from django.utils import timezone

from annotator import labels, queue, review, snapshot
from annotator.demo import mails
from annotator.importing.store import Row, store_rows
from annotator.models import Claim, Document, Label, Suggestion
from annotator.projects import create_project
from annotator.removal import Target
from annotator.review import Submission
from annotator.spans import Schema
from annotator.tenancy import tenant_scope
from tests.cast import Cast
from tests.corpora import label_set
from tests.trainer.test_losing_the_database import sever
from trainer import celery, compared, predict, removal, retrain, runs, store, tasks
from trainer.models import BEFORE_ALL, ModelVersion, TrainingRun


@pytest.fixture(scope="module")
def taught(django_db_blocker):
    """A committed project with labelled mails and some more to label, after its first round."""
    with django_db_blocker.unblock():
        cast = Cast.make(None)
        lines = list(mails(160, seed=3))
        with tenant_scope(cast.acme):
            project = create_project(label_set("Mails", lines) | {"check_share": 0.25}, actor=None)
            store_rows(project, [Row(i, line["id"], line["text"], {}, None, True) for i, line in enumerate(lines)])
            gold = {line["id"]: line for line in lines}
            for document in Document.objects.filter(project=project).order_by("pk")[:120]:
                line = gold[document.external_id]
                review.annotate(document, cast.bob, Submission(uuid4(), 0, line))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("trainer.ml.crossfit.FOLDS", 2)  # answers out of fold from fewer models, in half the time
            a_round(cast, project)
        yield cast, project
        from django.db import connection

        connection.close()


@pytest.fixture(scope="module")
def trained(taught, django_db_blocker, tmp_path_factory):
    """A copy of what the first round exported, and what its training told of it."""
    with django_db_blocker.unblock():
        cast, project = taught
        with tenant_scope(cast.acme):
            first = ModelVersion.objects.get(project=project, number=1)
        copy = tmp_path_factory.mktemp("trained") / "export"
        shutil.copytree(store.version_dir(cast.acme.pk, project.pk, 1), copy)
        (copy / store.MANIFEST).unlink()
        return copy, {"examples": first.examples, "metrics": first.metrics}


@pytest.fixture
def trains_the_same(trained, monkeypatch):
    """Training takes no time: it comes to what the first round came to."""
    copy, told = trained

    def train(_data: Path, model_dir: Path, **_):
        export = model_dir / "export" / "1"
        shutil.copytree(copy, export)
        return told | {"export": str(export)}

    monkeypatch.setattr("trainer.ml.training.train", train)
    return train


def a_round(cast, project) -> TrainingRun:
    with tenant_scope(cast.acme):
        run = runs.start(project, actor=cast.alice)
    assert retrain.round_for(cast.acme) == project.pk
    with tenant_scope(cast.acme):
        run.refresh_from_db()
    return run


def test_a_round_publishes_a_judged_version_that_then_suggests(taught, django_db_blocker):
    with django_db_blocker.unblock():
        cast, project = taught

        with tenant_scope(cast.acme):
            run = TrainingRun.objects.filter(project=project).earliest("pk")
            assert run.state == "succeeded", run.reason + run.log
            version = runs.live_version(project)
        assert version.run_id == run.pk
        assert version.metrics["held_out"] > 10
        low, high = version.metrics["intervals"]["f1"]
        assert 0.3 < low <= version.metrics["spans"]["f1"] <= high
        store.verify(store.version_dir(cast.acme.pk, project.pk, version.number), version.manifest_sha256)

        # Training saw the held-out documents in the snapshot only as such.
        data = store.run_dir(cast.acme.pk, project.pk, run.pk) / "snapshot.jsonl"
        splits = [json.loads(line)["split"] for line in data.read_text().splitlines()]
        assert run.examples == splits.count("pool")

        # Word vectors come from the project's own texts, and stay with it; the texts themselves are not kept.
        assert store.vectors_file(cast.acme.pk, project.pk).exists()
        assert not (data.parent / "pool.jsonl").exists()

        # What it learnt of itself is on record beside what the held-out documents say.
        assert version.metrics["calibration"]["spans"]["events"] > 0
        told = {"precision", "without_evidence", "spans", "questions", "relations"}
        assert set(version.metrics["thresholds"]) == told
        assert version.metrics["cpu_seconds"] > 0
        took = {one["phase"]: one["seconds"] for one in run.metrics["phases"]}
        assert list(took) == ["snapshot", "prepare", "train", "export", "evaluate", "suggest", "promote"]
        assert 0 < took["train"] <= sum(took.values()) <= (run.finished_at - run.started_at).total_seconds()
        low, high = version.metrics["intervals"]["relations"]
        assert 0 < low <= version.metrics["relations"]["predicted"]["f1"] <= high

        # What it answered for each held-out document is kept beside it.
        with tenant_scope(cast.acme):
            told = compared.answers(version)
            assert compared.compare(version, version).changes == {}
            texts = dict(Document.objects.filter(project=project, split="check").values_list("external_id", "text"))
        assert len(told) == version.metrics["held_out"]
        assert set(told) <= set(texts)
        assert all(span["end"] <= len(texts[key]) for key, line in told.items() for span in line["spans"])
        assert any(line["spans"] for line in told.values())

        made = 0
        while some := predict.refresh(cast.acme, project.pk):
            assert some <= predict.BATCH
            made += some
        assert made > predict.BATCH
        with tenant_scope(cast.acme):
            made_items = Suggestion.objects.filter(project=project).values_list("items", flat=True)
            assert len(made_items) == made
            assert {item["kind"] for items in made_items for item in items} >= {"span", "relation"}
            blind = Suggestion.objects.filter(project=project, document__split="check")
            assert [one.items for one in blind] == [[]] * blind.count() != []


def test_what_people_have_open_is_read_before_a_version_goes_live(taught, trains_the_same, django_db_blocker):
    with django_db_blocker.unblock():
        cast, project = taught
        with tenant_scope(cast.acme):
            held = queue.claim_several(project, cast.bob, 8)
            blind = next(d for d in Document.objects.filter(project=project, split="check", claims=None))
            Claim.objects.create(
                project=project, document=blind, annotator=cast.alice, expires_at=timezone.now() + queue.LEASE
            )

        run = a_round(cast, project)  # and no other worker does anything

        with tenant_scope(cast.acme):
            version = runs.live_version(project)
            said = {s.document_id: s.items for s in Suggestion.objects.filter(project=project, version=version.number)}
            Claim.objects.filter(project=project).delete()
        assert version.run_id == run.pk
        assert set(said) == {claim.document_id for claim in held} | {blind.pk}
        assert any(said.values())
        assert said[blind.pk] == []
        names = [one["phase"] for one in run.metrics["phases"]]
        assert names == ["snapshot", "evaluate", "suggest", "promote"]
        assert run.metrics["phases"] == version.metrics["phases"]


def test_a_run_loads_what_it_made_once_and_finds_what_it_is_judged_against_in_memory(
    taught, trains_the_same, django_db_blocker, monkeypatch
):
    from trainer.ml import predictor

    with django_db_blocker.unblock():
        cast, project = taught
        with tenant_scope(cast.acme):
            predict.predictor(runs.live_version(project))
        load, loaded = predictor.load, []
        monkeypatch.setattr(predictor, "load", lambda export, *with_: loaded.append(export) or load(export, *with_))

        for _ in range(2):
            a_round(cast, project)

        with tenant_scope(cast.acme):
            live = runs.live_version(project)
        assert len(loaded) == 2
        assert [key for key in predict._hot if key[:2] == (cast.acme.pk, project.pk)] == [
            (cast.acme.pk, project.pk, live.number)
        ]
        predict.predictor(live)
        assert len(loaded) == 2


def test_a_live_version_is_judged_by_the_names_that_labels_have_today(taught, django_db_blocker, tmp_path):
    from trainer.ml.evaluation import evaluate

    with django_db_blocker.unblock():
        cast, project = taught
        with tenant_scope(cast.acme):
            version = runs.live_version(project)
            snapshot.write(project, tmp_path / "before.jsonl")
            person = labels.rename(Label.objects.get(project=project, name="PERSON"), "HUMAN", actor=cast.alice)
            snapshot.write(project, tmp_path / "after.jsonl")
            today = Schema.of(project).names.answer
            told = compared.answers(version)
            labels.rename(person, "PERSON", actor=cast.alice)
        export = store.version_dir(cast.acme.pk, project.pk, version.number)
        before, after = (list(retrain._lines(tmp_path / f"{when}.jsonl")) for when in ("before", "after"))

        scores = evaluate(export, before)["spans"]
        strange, read = evaluate(export, after)["spans"], evaluate(export, after, read=today)["spans"]

        assert (read["f1"], read["labels"]["HUMAN"]) == (scores["f1"], scores["labels"]["PERSON"])
        assert strange["f1"] < read["f1"]
        assert {span["label"] for line in told.values() for span in line["spans"]} >= {"HUMAN"}


def test_training_learns_from_all_texts_of_the_project_and_of_no_other(taught, django_db_blocker, monkeypatch):
    with django_db_blocker.unblock():
        cast, project = taught
        with tenant_scope(cast.acme):
            own = set(Document.objects.filter(project=project).values_list("text", flat=True))
            other = create_project({"name": "Others", "spans": ["PERSON"]}, actor=None)
            store_rows(other, [Row(0, "x", "A text of another project.", {}, None, True)])
        seen = {}

        def look(*_, pool, cache, previous, **__):
            seen["previous"] = previous
            seen["texts"] = [json.loads(line)["text"] for line in pool.read_text().splitlines()]
            seen["cache"] = cache
            raise ValueError("seen enough")

        monkeypatch.setattr("trainer.ml.training.train", look)
        run = a_round(cast, project)

        assert run.state == "failed"
        assert (len(seen["texts"]), set(seen["texts"])) == (160, own)
        assert seen["cache"].parent == store.project_dir(cast.acme.pk, project.pk)

        # The live version lends its graph.
        with tenant_scope(cast.acme):
            assert seen["previous"].name == str(runs.live_version(project).number)
        assert seen["previous"].parent == seen["cache"].parent


def test_only_what_the_model_is_sure_enough_of_is_suggested(taught, django_db_blocker, monkeypatch):
    with django_db_blocker.unblock():
        cast, project = taught
        with tenant_scope(cast.acme):
            version = runs.live_version(project)
            seen = Suggestion.objects.filter(project=project, version=version.number).values("document")
            unseen = list(Document.objects.filter(project=project, split="pool").exclude(pk__in=seen)[:5])
        texts = [document.text for document in unseen]
        predictor = predict.predictor(version)
        unreachable = {label: {"threshold": 1.1} for label in predictor.schema.spans}
        assert any(answer["spans"] for answer in predictor.suggest(texts))
        assert predict.predict(cast.acme, version.pk, texts) == predictor.suggest(texts)

        monkeypatch.setitem(predictor.description["thresholds"], "spans", unreachable)

        assert not any(answer["spans"] for answer in predict.predict(cast.acme, version.pk, texts))
        assert predict.suggest(cast.acme, project.pk, [document.pk for document in unseen]) == len(unseen)
        with tenant_scope(cast.acme):
            items = [s.items for s in Suggestion.objects.filter(document__in=unseen, version=version.number)]
        assert {item["kind"] for of_one in items for item in of_one} <= {"choice"}


def test_the_pool_gets_new_priorities_batch_by_batch(taught, django_db_blocker):
    with django_db_blocker.unblock():
        cast, project = taught

        rounds = 1
        while predict.rank(cast.acme, project.pk):
            rounds += 1

        with tenant_scope(cast.acme):
            waiting = Document.objects.filter(project=project, split="pool", free_slots__gt=0)
            assert not waiting.filter(priority=0).exists()
            assert rounds == waiting.count() // predict.BATCH + 1
            assert runs.ranking(project) is None
            assert runs.unranked() == []
        assert not predict.rank(cast.acme, project.pk)


def test_ranking_goes_on_until_something_more_urgent_waits_and_takes_turns(
    taught, django_db_blocker, monkeypatch, sent
):
    with django_db_blocker.unblock():
        cast, project = taught
        monkeypatch.setattr(predict, "BATCH", 4)
        monkeypatch.setattr(tasks, "TURN_SECONDS", 600)
        again = {"ranked": False, "ranked_to": BEFORE_ALL}
        with tenant_scope(cast.acme):
            live = ModelVersion.objects.filter(project=project, live=True)
            live.update(**again)
            first_four = list(
                Document.objects.filter(project=project, split="pool", free_slots__gt=0).order_by("shuffle")[:4]
            )
        celery.send_once("refresh", cast.globex.pk, 1)
        celery.send_once("rank", cast.acme.pk, project.pk + 1)

        tasks.rank(cast.acme.pk, project.pk)

        with tenant_scope(cast.acme):
            assert live.get().ranked_to == first_four[-1].shuffle
        # Then it is the other project's turn.
        assert sent() == [
            ("refresh", cast.globex.pk, 1),
            ("rank", cast.acme.pk, project.pk + 1),
            ("rank", cast.acme.pk, project.pk),
        ]

        celery.client().delete("refresh")
        celery.begun("refresh", cast.acme.pk, project.pk)
        tasks.rank(cast.acme.pk, project.pk)

        with tenant_scope(cast.acme):
            assert live.get().ranked
        assert ("refresh", cast.acme.pk, project.pk) in sent()


def test_long_documents_come_in_smaller_pieces(taught, django_db_blocker, monkeypatch):
    with django_db_blocker.unblock():
        cast, project = taught
        monkeypatch.setattr(predict, "BATCH_CHARACTERS", 1)
        with tenant_scope(cast.acme):
            live = ModelVersion.objects.filter(project=project, live=True)
            live.update(ranked=False, ranked_to=BEFORE_ALL)

        assert predict.rank(cast.acme, project.pk)

        with tenant_scope(cast.acme):
            first = Document.objects.filter(project=project, split="pool", free_slots__gt=0).order_by("shuffle").first()
            assert live.get().ranked_to == first.shuffle
            live.update(ranked=True)


def test_a_version_whose_bytes_were_changed_is_not_loaded(taught, django_db_blocker):
    with django_db_blocker.unblock():
        cast, project = taught
        with tenant_scope(cast.acme):
            version = runs.live_version(project)
        path = store.version_dir(cast.acme.pk, project.pk, version.number) / "saved_model.pb"
        data = path.read_bytes()
        predict._hot.clear()
        try:
            path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
            with pytest.raises(store.Tampered, match=r"saved_model\.pb"):
                predict.predict(cast.acme, version.pk, ["Dear Sir"])
        finally:
            path.write_bytes(data)
        assert predict.predict(cast.acme, version.pk, ["Dear Sir"])[0]["choices"]


def test_versions_of_a_project_share_a_loaded_graph_and_those_of_two_tenants_never(taught, trained, django_db_blocker):
    with django_db_blocker.unblock():
        cast, project = taught
        with tenant_scope(cast.acme):
            own = runs.live_version(project)
        with tenant_scope(cast.globex):
            theirs = create_project({"name": "Mails", "spans": ["PERSON"]}, actor=None)
            run = TrainingRun.objects.create(project=theirs, trigger="hand", state="succeeded")
            versions = []
            for number in (1, 2):
                export = shutil.copytree(trained[0], store.run_dir(cast.globex.pk, theirs.pk, run.pk) / f"{number}")
                manifest = store.publish(export, store.version_dir(cast.globex.pk, theirs.pk, number))
                versions.append(
                    ModelVersion.objects.create(
                        project=theirs, run=run, number=number, examples=1, manifest_sha256=manifest
                    )
                )
        predict._hot.clear()
        predict._traced.clear()

        loaded, *others = (predict.predictor(version) for version in (own, *versions))

        assert others[0]._graph is others[1]._graph is not loaded._graph
        assert loaded.schema == others[0].schema
        assert loaded(["Dear Sir"]) == others[1](["Dear Sir"])
        predict._hot.clear()
        predict.predictor(own)
        assert predict._graphs.keys() == {(cast.acme.pk, project.pk)}


def test_a_live_version_that_is_broken_makes_way_for_the_next(taught, trains_the_same, django_db_blocker, monkeypatch):
    with django_db_blocker.unblock():
        cast, project = taught
        monkeypatch.setattr("trainer.ml.metrics.probability_worse", lambda *_: {"f1": 0.99, "accuracy": 0.5})
        with tenant_scope(cast.acme):
            live = runs.live_version(project)
        path = store.version_dir(cast.acme.pk, project.pk, live.number) / "saved_model.pb"
        data = path.read_bytes()
        path.unlink()
        try:
            run = a_round(cast, project)
        finally:
            path.write_bytes(data)

        assert (run.state, run.reason) == ("succeeded", "")
        assert "cannot be used" in run.log
        with tenant_scope(cast.acme):
            assert runs.live_version(project).run_id == run.pk


def test_a_version_whose_relations_are_worse_beyond_chance_is_kept_but_not_promoted(
    taught, trains_the_same, django_db_blocker, monkeypatch
):
    with django_db_blocker.unblock():
        cast, project = taught
        with tenant_scope(cast.acme):
            live = runs.live_version(project)
        monkeypatch.setattr(
            "trainer.ml.metrics.probability_worse", lambda *_: {"f1": 0.5, "accuracy": 0.5, "relations": 0.99}
        )

        run = a_round(cast, project)

        assert "not promoted" in run.reason
        with tenant_scope(cast.acme):
            assert runs.live_version(project) == live
            assert ModelVersion.objects.filter(project=project, run=run, live=False).exists()


def test_a_roll_back_by_hand_stands_against_a_run_that_was_under_way(
    taught, trains_the_same, django_db_blocker, monkeypatch
):
    with django_db_blocker.unblock():
        cast, project = taught
        with tenant_scope(cast.acme):
            other = ModelVersion.objects.filter(project=project, live=False).first()
        judge = retrain.Round.judge

        def roll_back_then_judge(*arguments):
            with tenant_scope(cast.acme):
                runs.promote(other, actor=cast.alice)
            return judge(*arguments)

        monkeypatch.setattr(retrain.Round, "judge", roll_back_then_judge)
        run = a_round(cast, project)

        assert "somebody made another version live" in run.reason
        with tenant_scope(cast.acme):
            assert runs.live_version(project) == other


def test_a_label_that_is_renamed_meanwhile_is_learnt_as_it_was_called_when_the_round_began(taught, django_db_blocker):
    with django_db_blocker.unblock():
        cast, project = taught
        with tenant_scope(cast.acme):
            runs.start(project, actor=cast.alice)
            run = runs.claim()
        data = retrain.Round(cast.acme, project, run).snapshot()
        with tenant_scope(cast.acme):
            person = labels.rename(Label.objects.get(project=project, name="PERSON"), "HUMAN", actor=cast.alice)
            run.refresh_from_db()

        again = retrain.Round(cast.acme, project, run)

        assert again.snapshot() == data
        given = {span["label"] for line in data.read_text().splitlines() for span in json.loads(line)["spans"]}
        assert "PERSON" in given
        assert given <= set(again.schema()["spans"])
        with tenant_scope(cast.acme):
            labels.rename(person, "PERSON", actor=cast.alice)
            TrainingRun.objects.filter(pk=run.pk).update(state="cancelled")


def test_a_cancelled_round_ends_as_such_and_publishes_nothing(taught, django_db_blocker, monkeypatch):
    with django_db_blocker.unblock():
        cast, project = taught

        def cancelled(*_, on_progress, **__):
            with tenant_scope(cast.acme):
                runs.cancel(TrainingRun.objects.get(project=project, state="running"), actor=cast.alice)
            while True:  # ends by the heartbeat, which notices
                on_progress({"phase": "train"})

        monkeypatch.setattr(retrain, "BEAT_SECONDS", 0.05)
        monkeypatch.setattr("trainer.ml.training.train", cancelled)

        run = a_round(cast, project)

        assert run.state == "cancelled"
        with tenant_scope(cast.acme):
            assert not ModelVersion.objects.filter(run=run).exists()


def test_a_database_that_restarts_while_a_round_trains_is_not_noticed(
    taught, trains_the_same, django_db_blocker, monkeypatch
):
    with django_db_blocker.unblock():
        cast, project = taught
        train = trains_the_same

        def meanwhile(*arguments, **options):
            sever()
            return train(*arguments, **options)

        monkeypatch.setattr("trainer.ml.training.train", meanwhile)

        run = a_round(cast, project)

        assert (run.state, run.attempt) == ("succeeded", 1), run.log


def test_a_round_that_loses_the_database_is_queued_again_and_goes_on(
    taught, trains_the_same, django_db_blocker, monkeypatch
):
    with django_db_blocker.unblock():
        cast, project = taught
        publish = store.publish

        def and_then_it_is_gone(*arguments):
            done = publish(*arguments)
            sever()
            return done

        monkeypatch.setattr(store, "publish", and_then_it_is_gone)
        run = a_round(cast, project)
        assert (run.state, run.reason) == ("queued", "")
        assert "the database went away; queued again" in run.log
        snapshot_of_before = run.snapshot_sha256
        monkeypatch.setattr(store, "publish", publish)

        assert retrain.round_for(cast.acme) == project.pk

        with tenant_scope(cast.acme):
            run.refresh_from_db()
            assert (run.state, run.attempt, run.snapshot_sha256) == ("succeeded", 2, snapshot_of_before), run.log
            assert "goes on with the snapshot" in run.log
            assert ModelVersion.objects.filter(run=run).count() == 1
        assert not (store.run_dir(cast.acme.pk, project.pk, run.pk) / "pool.jsonl").exists()


def test_a_round_that_breaks_ends_as_failed_with_its_reason(taught, django_db_blocker, monkeypatch):
    with django_db_blocker.unblock():
        cast, project = taught

        def broken(*_, **__):
            raise MemoryError("no room")

        monkeypatch.setattr("trainer.ml.training.train", broken)
        with pytest.raises(MemoryError):
            a_round(cast, project)

        with tenant_scope(cast.acme):
            run = TrainingRun.objects.filter(project=project).latest("pk")
        assert (run.state, run.reason) == ("failed", "MemoryError: no room")


def test_an_export_holds_no_text_and_is_good_without_a_document_that_is_deleted(taught, django_db_blocker):
    with django_db_blocker.unblock():
        cast, project = taught
        with tenant_scope(cast.acme):
            version = ModelVersion.objects.get(project=project, number=1)
            texts = list(Document.objects.filter(project=project).values_list("text", flat=True))
            told = set(compared.answers(version))
            gone = Document.objects.filter(project=project, external_id__in=told).first()
        path = store.version_dir(cast.acme.pk, project.pk, 1)
        files = b"".join(file.read_bytes() for file in path.rglob("*") if file.is_file())
        assert not [text for text in texts if text[:12].encode() in files or text[-12:].encode() in files]

        removal.delete(cast.acme, Target.of(gone))

        with tenant_scope(cast.acme):
            after = ModelVersion.objects.get(pk=version.pk)
            assert set(compared.answers(after)) == told - {gone.external_id}
            snapshots = store.project_dir(cast.acme.pk, project.pk).glob("runs/*/snapshot.jsonl")
            learnt = {json.loads(line)["id"] for path in snapshots for line in path.read_text().splitlines()}
            assert learnt
            assert gone.external_id not in learnt
        assert after.manifest_sha256 != version.manifest_sha256
        predict._hot.clear()
        assert predict.predict(cast.acme, after.pk, ["Mrs Berg wrote from Oslo."])
