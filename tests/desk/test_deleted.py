"""A document that is deleted while somebody has it open: they are told, once, and the next one comes."""

from __future__ import annotations

from tests.desk.bench import Bench
from tests.install import eventually


def deleted(bench: Bench, name: str) -> None:
    job = bench.api("DELETE", f"/documents/{bench.document(name)}", expect=202)["id"]
    eventually("the deletion", lambda: bench.api("GET", f"/jobs/{job}")["state"] == "succeeded")


def test_who_submits_it_is_told_and_goes_on(place, context):
    bench = Bench(place, "deleted", "Ada wrote.", "Kurt wrote.", "Emmy wrote.")
    desk = bench.desk(context)
    name = desk.document
    sent: list[str] = []
    desk.page.on("request", lambda r: sent.append(r.url) if r.method == "PUT" else None)
    desk.press("1")
    deleted(bench, name)

    desk.submit()
    trouble = desk.page.locator("#trouble:visible")
    trouble.wait_for()
    assert trouble.inner_text().startswith(f"“{name}” was deleted before your answer arrived.")
    second = desk.document
    desk.press("1").submit()
    eventually("the next answer", lambda: bench.found(second))
    desk.page.reload()
    desk.settled()
    desk.page.locator("#trouble:visible").wait_for()
    tried = len([url for url in sent if str(bench.document(second)) not in url])
    desk.page.click("#trouble button")
    desk.page.locator("#trouble").wait_for(state="hidden")
    desk.page.reload()
    desk.settled()

    assert not desk.page.locator("#trouble:visible").count()
    assert len([url for url in sent if str(bench.document(second)) not in url]) == tried


def test_who_works_on_it_is_told_when_a_draft_is_saved(place, context):
    bench = Bench(place, "deleted-draft", "Ada wrote.", "Kurt wrote.")
    desk = bench.desk(context)
    deleted(bench, desk.document)

    desk.press("1").says("This document was deleted")
