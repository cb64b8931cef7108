"""Bringing a file in, as a person does it: dropped, looked at, mapped, read by a worker."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from annotator import jobs
from annotator.accounts import Tenant
from tests.browser import patient
from tests.pages.serving import Served
from tests.pages.test_accessibility import broken

MAILS = "no,Body,kind\n" + "".join(f"{n},Mail {n} from Oslo.,praise\n" for n in range(20)) + "20,,praise\n"


@pytest.fixture
def page(browser: Browser, served: Served) -> Iterator[Page]:
    context = patient(browser.new_context(base_url=served.url))
    context.add_cookies(served.cookies)  # type: ignore[arg-type]
    opened = context.new_page()
    opened.goto(f"/t/{served.examples['tenant']}/projects/{served.examples['project_id']}/import")
    yield opened
    context.close()


def drop(page: Page, name: str, text: str | bytes) -> None:
    """Let a file fall on the form, as from a folder."""
    data = text.encode() if isinstance(text, str) else text
    page.evaluate(
        """([name, data]) => {
             const moved = new DataTransfer();
             moved.items.add(new File([new Uint8Array(data)], name));
             for (const kind of ["dragenter", "dragover", "drop"]) {
               const event = new DragEvent(kind, { dataTransfer: moved, bubbles: true, cancelable: true });
               document.getElementById("drop").dispatchEvent(event);
             }
           }""",
        [name, list(data)],
    )


def work(served: Served, page: Page) -> None:
    """What a worker does; in a thread of its own, because Playwright's may not use the database."""
    job = int(page.url.rpartition("/")[2])
    slug = served.examples["tenant"]
    worker = threading.Thread(target=lambda: jobs.run_import(Tenant.objects.get(slug=slug), job))
    worker.start()
    worker.join()


def test_a_file_is_dropped_looked_at_mapped_and_read(served, page):
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))

    drop(page, "mails.csv", MAILS)

    expect(page.locator("text=Nothing has been imported yet.")).to_be_visible()
    expect(page.locator("text=1 of these rows would be refused")).to_be_visible()
    expect(page.locator("text=is read as")).to_have_count(0)
    expect(page.get_by_label("Body", exact=True)).to_have_value("text")
    page.get_by_label("no", exact=True).select_option("id")
    page.get_by_label("kind", exact=True).select_option("classes=topic")
    page.click("button[value='look']")
    expect(page.get_by_label("kind", exact=True)).to_have_value("classes=topic")
    page.click("button[value='start']")
    expect(page.locator(".badge.queued")).to_be_visible()
    page.evaluate("() => { window.stayed = true; }")
    work(served, page)
    expect(page.locator(".badge.succeeded")).to_be_visible()
    assert page.evaluate("() => window.stayed")
    assert page.inner_text(".figures").split("\n")[:6:2] == ["Rows read", "New documents", "Known already"]
    assert page.inner_text(".figure:nth-child(2) .big") == "20"
    with page.expect_download() as download:
        page.click("text=Download these rows")
    assert download.value.suggested_filename == "refused-mails.csv"
    assert download.value.path().read_text("utf-8-sig") == "_line,_error,no,Body,kind\n22,text: is empty,20,,praise\n"
    assert errors == []


def test_a_guessed_encoding_is_shown_with_the_rows_and_another_can_be_chosen(page):
    drop(page, "mails.csv", "text\nGrüße aus Köln, schöne Straßen.\n".encode("cp1252"))
    expect(page.locator("text=is read as Western European (Windows-1252)")).to_be_visible()
    expect(page.locator("text=That is a guess from 5 letters beyond ASCII, which is few")).to_be_visible()
    expect(page.locator(".readings")).to_contain_text("Grüße aus Köln")
    expect(page.locator(".preview")).to_contain_text("Grüße aus Köln")

    page.get_by_label("Encoding").select_option("windows-1251")
    page.click("text=Refresh preview")

    expect(page.locator(".preview")).to_contain_text("GrьЯe aus Kцln")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_preview_keeps_the_rules_of_accessible_pages(page, scheme):
    page.emulate_media(color_scheme=scheme)
    drop(page, "mails.csv", MAILS)
    expect(page.locator("text=Nothing has been imported yet.")).to_be_visible()

    assert broken(page) == []


def test_what_cannot_be_read_is_said_where_it_fell(page):
    drop(page, "mails.docx", "PK")

    expect(page.locator("#import-error")).to_have_text(
        "The file is a Word document; it must be plain text: save its text as TXT."
    )
    expect(page.locator("#look")).to_be_enabled()


def test_a_server_that_does_not_answer_is_told_of_and_the_file_can_be_sent_again(page):
    page.route("**/import", lambda route: route.abort() if route.request.method == "POST" else route.continue_())
    drop(page, "mails.jsonl", json.dumps({"text": "Ada"}))
    expect(page.locator("#import-error")).to_contain_text("The upload broke off")

    page.unroute("**/import")
    page.click("#look")

    expect(page.locator("text=All of these rows can be imported.")).to_be_visible()


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (500, "<!doctype html><html lang=en><title>x</title>Mistake", "The server made a mistake with this file"),
        (413, '{"error": {"message": "too large"}}', "The file is larger than the server takes."),
        (502, "Bad gateway", "The server made a mistake with this file"),
        (403, "<html>", "You may not import here"),
    ],
)
def test_whatever_comes_back_the_page_shows_a_sentence(page, status, body, told):
    def answer(route):
        post = route.request.method == "POST"
        route.fulfill(status=status, body=body, content_type="text/html") if post else route.continue_()

    page.route("**/import", answer)

    drop(page, "mails.csv", MAILS)

    expect(page.locator("#import-error")).to_contain_text(told)
    expect(page.locator("#import-error")).not_to_contain_text("<")


def test_an_upload_is_thrown_away(page):
    drop(page, "mails.txt", "one\ntwo\n")

    page.click("text=Discard")

    expect(page.locator("text=Cancelled before it began.")).to_be_visible()
