"""Nothing is lost: away from the network, signed out, closed, restarted, answered twice, refused, half broken."""

from __future__ import annotations

import signal
from collections.abc import Callable
from uuid import uuid4

from playwright.sync_api import Route

from tests.browser import Desk, sign_in
from tests.desk.bench import Bench, lose
from tests.install import eventually


def test_offline_one_goes_on_and_everything_arrives(place, context):
    bench = Bench(place, "offline", *(f"Ada wrote letter {n}." for n in range(4)))
    desk = bench.desk(context)
    desk.page.wait_for_function("() => document.querySelector('#desk').desk.sitting.shelf.sheets.length === 2")
    context.set_offline(True)
    names = [desk.document]
    names.append(desk.press("1").submit().document)
    names.append(desk.press("1").submit().document)
    desk.press("1").says("Offline: 2 documents are kept here.")
    desk.press("Enter").says("Offline: 3 documents are kept here.")
    desk.notes("The next document comes when the server can be reached again.")
    assert [bench.found(name) for name in names] == [None, None, None]

    context.set_offline(False)
    desk.saved().settled()

    assert len(set(names)) == 3
    assert [bench.labels(name) for name in names] == [["PERSON"]] * 3
    assert desk.document not in names


def test_a_submit_whose_answer_is_lost_counts_once(place, context):
    bench = Bench(place, "away", "Ada wrote.", "Kurt wrote.")
    desk = bench.desk(context)
    first = desk.document
    sent: list[str] = []
    back: list[bool] = []

    def lose_answer(route: Route) -> None:
        sent.append(route.request.post_data_json["submit_id"])
        if back:
            route.continue_()
            return
        if len(sent) == 1:
            route.fetch()
        route.abort()

    desk.page.route("**/annotation", lambda r: lose_answer(r) if r.request.method == "PUT" else r.continue_())
    desk.press("1").submit().says("Offline: 1 document is kept here.")
    assert desk.page.is_visible("#state-action")
    back.append(True)
    # Where the page tried again by itself just now, there is nothing left to click.
    desk.page.evaluate("() => document.querySelector('#state-action').click()")
    desk.saved()

    assert len(set(sent)) == 1, "a submit that is sent again keeps its id"
    assert bench.answer(first)["revision"] == 1


def test_who_goes_back_at_once_finds_what_was_just_done(place, context):
    """What is read of it may be from before the answer arrived: a blank desk would be one Enter from a blank answer."""
    bench = Bench(place, "atonce", "Ada wrote.", "Kurt wrote.")
    desk = bench.desk(context)
    first = desk.document
    second = desk.press("1").submit().saved().document
    desk.page.route("**/annotation", lambda route: route.fulfill(json={"annotation": None}))

    desk.press(",").after(second)

    assert (desk.document, [label for _, label in desk.labelled()]) == (first, ["PERSON"])
    desk.page.go_back()
    assert desk.after(first).document == second
    assert desk.page.evaluate("() => document.querySelector('#desk').desk.sitting.shelf.ids") == [], "done is done"


def test_a_reload_in_the_middle_loses_nothing(place, context):
    bench = Bench(place, "reload", "Ada wrote from Oslo.", "Kurt wrote.")
    desk = bench.desk(context)
    first = desk.document
    desk.press("1", "3", "!")
    desk.page.reload()
    desk.settled()

    assert desk.document == first
    assert desk.labelled()[0][1] == "PERSON"
    assert desk.chosen() == ["billing"]
    assert "Flagged" in desk.page.inner_text("[data-act=flag]")
    desk.submit().saved()
    assert (bench.answer(first)["flag"], bench.labels(first)) == ("flagged", ["PERSON"])


def test_another_browser_finds_what_the_server_has(place, browser, context):
    bench = Bench(place, "moved", "Ada wrote from Oslo.")
    desk = bench.desk(context)
    states = desk.states()
    desk.press("1").saved()
    assert states()[0] == "Kept here"
    assert bench.answer("d0")["state"] == "draft"

    elsewhere = browser.new_context()
    other = bench.desk(elsewhere)
    assert other.labelled() == [("Ada", "PERSON")]
    elsewhere.close()


def test_a_page_closed_while_saving_sends_it_the_next_time(place, context):
    bench = Bench(place, "closed", "Ada wrote.", "Kurt wrote.")
    desk = bench.desk(context)
    first = desk.document
    desk.page.route("**/annotation", lose)
    desk.press("1").submit().says("Offline")
    desk.page.close()

    again = Desk(context.new_page()).open(bench.url).saved()

    assert again.document not in ("", first)
    assert bench.labels(first) == ["PERSON"]


def test_who_is_faster_than_the_server_saves_waits_for_it_and_goes_on(place, context):
    bench = Bench(place, "fast", *(f"Ada wrote letter {n}." for n in range(12)))
    desk = bench.desk(context)
    names = [desk.document]
    slow: list[Route] = []
    over: list[bool] = []

    def wait(route: Route) -> None:
        route.continue_() if over or route.request.method != "PUT" else slow.append(route)

    desk.page.route("**/annotation", wait)
    for _ in range(7):  # as many as anybody may have open, with the one on the desk
        names.append(desk.press("1").submit().document)
    with desk.page.expect_response("**/next"):
        desk.press("1", "Enter")
    desk.page.wait_for_function("() => !document.querySelector('#desk').desk.sitting.shelf.filling")
    assert desk.note == "Fetching the next document…"
    assert not desk.finished

    over.append(True)
    slow.pop().continue_()
    desk.after(names[-1]).saved()

    assert not desk.finished
    assert desk.document not in ("", *names)
    assert [bench.labels(name) for name in names] == [["PERSON"]] * 8


def test_a_session_that_ended_keeps_the_work(place, context):
    bench = Bench(place, "ended", "Ada wrote.", "Kurt wrote.")
    desk = bench.desk(context)
    first = desk.document
    context.clear_cookies()
    desk.press("1").submit().says("Signed out: your work is kept here.")
    assert desk.page.inner_text("#state-action") == "Sign in"
    desk.press("2")
    second = desk.document

    sign_in(context, place, bench.person).close()
    desk.page.evaluate("() => dispatchEvent(new Event('focus'))")
    desk.saved().submit().saved()

    assert bench.labels(first) == ["PERSON"]
    assert bench.labels(second) == ["PLACE"]


def test_who_signs_in_anew_elsewhere_need_not_hear_of_it(place, context):
    bench = Bench(place, "anew", "Ada wrote.", "Kurt wrote.")
    desk = bench.desk(context)
    first = desk.document
    sign_in(context, place, bench.person).close()

    desk.press("1").submit().saved()

    assert bench.labels(first) == ["PERSON"]


def test_somebody_else_at_the_same_browser_gets_nothing_of_it(place, context):
    bench = Bench(place, "shared", "Ada wrote.", "Kurt wrote.")
    desk = bench.desk(context)
    first = desk.document
    place.manage("person", "shared", "shared-other", "--role", "annotator", "--no-password")
    context.clear_cookies()
    desk.press("1").submit().says("Signed out")

    other = sign_in(context, place, "shared-other")
    desk.page.evaluate("() => dispatchEvent(new Event('focus'))")
    desk.says("Somebody else is signed in now. Your work is kept here for you.")
    assert bench.found(first) is None
    assert Desk(other).open(bench.url).labelled() == []


def test_two_tabs_of_one_person_have_different_documents(place, context):
    bench = Bench(place, "tabs", *(f"Ada wrote letter {n}." for n in range(8)))
    ready = "() => document.querySelector('#desk').desk.sitting.shelf.sheets.length === 2"
    one = bench.desk(context)
    one.page.wait_for_function(ready)
    other = Desk(context.new_page()).open(bench.url).says("That one is open in another tab.")
    other.page.wait_for_function(ready)

    names = [desk.document for desk in (one, other)]
    for desk in (one, other, one, other):
        names.append(desk.press("1").submit().document)
    for desk in (one, other):
        desk.saved()

    assert len(set(names)) == 6
    assert [bench.labels(name) for name in names[:4]] == [["PERSON"]] * 4


def test_an_answer_given_elsewhere_is_put_beside_ones_own(place, context):
    bench = Bench(place, "twice", "Ada wrote from Oslo.")
    desk = bench.desk(context)
    desk.page.route("**/annotation", lose)
    desk.press("1").says("Offline")
    elsewhere = {"submit_id": str(uuid4()), "spans": [{"start": 4, "end": 9, "label": "PLACE"}]}
    bench.api("PUT", f"/documents/{bench.document('d0')}/annotation", json=elsewhere)
    desk.press("Enter").says("Offline: 1 document is kept here.")
    desk.page.unroute("**/annotation")
    desk.page.evaluate("() => dispatchEvent(new Event('online'))")

    desk.page.click("#trouble button:has-text('Compare')")
    desk.page.wait_for_selector("#conflict[open]")
    assert "Ada" in desk.page.inner_text("#conflict-mine")
    assert "wrote" in desk.page.inner_text("#conflict-theirs")
    desk.page.click("text=Go on with mine")
    desk.saved()

    assert bench.answer("d0")["revision"] == 2
    assert bench.labels("d0") == ["PERSON"]


def test_of_two_answers_the_other_may_stand(place, context):
    bench = Bench(place, "other", "Ada wrote from Oslo.")
    desk = bench.desk(context)
    desk.page.route("**/annotation", lose)
    desk.press("1")
    elsewhere = {"submit_id": str(uuid4()), "spans": [{"start": 4, "end": 9, "label": "PLACE"}]}
    bench.api("PUT", f"/documents/{bench.document('d0')}/annotation", json=elsewhere)
    desk.page.unroute("**/annotation")
    desk.page.reload()

    desk.page.wait_for_selector("#conflict[open]")
    desk.page.click("text=Take the other")
    desk.settled()
    assert desk.labelled() == [("wrote", "PLACE")]
    assert bench.answer("d0")["revision"] == 1


def test_what_is_refused_can_be_opened_again(place, context):
    bench = Bench(place, "refused", "Ada wrote.", "Kurt wrote.")
    desk = bench.desk(context)
    first = desk.document

    def refuse(route: Route) -> None:
        if route.request.method != "PUT":
            route.continue_()
            return
        details = [{"field": "spans[0]", "reason": "there is no span label 'PERSON' in this project"}]
        body = {"error": {"code": "invalid_answer", "message": "No.", "details": details}}
        route.fulfill(status=422, json=body)

    desk.page.route("**/annotation", refuse)
    desk.press("1").submit()
    desk.page.wait_for_selector("#trouble:visible")
    assert f"“{first}” was not accepted: spans[0]: there is no span label" in desk.page.inner_text("#trouble")
    desk.page.unroute("**/annotation")
    there = desk.document
    desk.page.click("#trouble button")
    desk.after(there)

    assert desk.document == first
    assert [label for _, label in desk.labelled()] == ["PERSON"]
    desk.press("2").submit().saved()
    assert bench.labels(first) == ["PLACE"]
    assert desk.document == there


def refusing(status: int) -> Callable[[Route], None]:
    """The server does not take what is put."""

    def refuse(route: Route) -> None:
        body = {"error": {"code": "refused", "message": "That cannot be.", "details": []}}
        route.fulfill(status=status, json=body) if route.request.method == "PUT" else route.continue_()

    return refuse


def test_what_is_refused_stays_until_it_is_on_the_desk(place, context):
    bench = Bench(place, "stays", "Ada wrote.", "Kurt wrote.")
    desk = bench.desk(context)
    first = desk.document
    desk.page.route("**/annotation", refusing(422))
    desk.press("1").submit()
    desk.page.wait_for_selector("#trouble:visible")
    desk.page.unroute("**/annotation")
    context.set_offline(True)
    desk.page.click("#trouble button")
    desk.page.wait_for_function("() => document.querySelector('#note').textContent.includes('cannot be reached')")
    assert desk.page.is_visible("#trouble"), "it is still there to be opened"
    context.set_offline(False)
    there = desk.document
    desk.page.click("#trouble button")
    desk.after(there)

    assert desk.document == first
    assert "That cannot be." in desk.state
    assert [label for _, label in desk.labelled()] == ["PERSON"]


def test_what_somebody_was_locked_out_of_is_sent_when_they_may_again(place, context):
    bench = Bench(place, "locked", "Ada wrote.", "Kurt wrote.")
    desk = bench.desk(context)
    first = desk.document
    desk.page.route("**/annotation", refusing(404))
    desk.press("1").submit()
    desk.page.wait_for_selector("#trouble:visible")
    desk.page.unroute("**/annotation")
    desk.page.reload()
    desk.saved()

    assert bench.labels(first) == ["PERSON"]


def test_a_server_that_restarts_in_the_middle_costs_nothing(place, context):
    bench = Bench(place, "restart", "Ada wrote.", "Kurt wrote.")
    desk = bench.desk(context)
    first = desk.document
    web = place.child("web")
    # The parent first: it would have new workers at once, who answer until they miss it.
    for process in [web, *web.children()]:
        process.send_signal(signal.SIGKILL)
    desk.press("1").submit()
    desk.press("2").saved()

    eventually("the web to be back", lambda: place.child("web"))
    assert bench.labels(first) == ["PERSON"]
    second = desk.document
    desk.submit().saved()
    assert bench.labels(second) == ["PLACE"]


def test_a_browser_that_keeps_nothing_says_so(place, context):
    bench = Bench(place, "nothing", "Ada wrote.")
    context.add_init_script("Storage.prototype.setItem = () => { throw new Error('full'); }")
    desk = bench.desk(context)
    states = desk.states()
    desk.press("1").saved()
    assert states()[0] == "This browser keeps nothing: stay until it is saved."
    assert bench.labels("d0") == ["PERSON"]
    desk.submit().saved()
    assert bench.answer("d0")["state"] == "submitted"


def test_where_sending_is_broken_the_form_still_saves(place, context):
    bench = Bench(place, "broken", "Ada wrote.", "Kurt wrote.")
    page = bench.page(context)
    page.route("**/desk/server*.js", lambda route: route.fulfill(status=500))
    page.goto(bench.url)
    page.wait_for_function("() => document.querySelector('#state-text').textContent.startsWith('Part of this page')")
    desk = Desk(page)
    first = desk.document
    desk.press("1", "3")
    with page.expect_navigation():
        desk.press("Enter")

    answer = bench.answer(first)
    assert ([span["label"] for span in answer["spans"]], answer["classes"]) == (["PERSON"], {"topic": ["billing"]})
    assert answer["state"] == "submitted"
    page.wait_for_function("(first) => document.querySelector('#document-name').textContent !== first", arg=first)


def test_where_all_scripts_are_broken_the_page_is_a_form(place, context):
    bench = Bench(place, "scriptless", "Ada wrote.")
    page = bench.page(context)
    page.route("**/desk/board*.js", lambda route: route.fulfill(status=500))
    page.goto(bench.url)
    page.wait_for_selector("text=Add a label")
    page.fill("[name=words] >> nth=0", "Ada")
    page.click("#submit")
    page.wait_for_selector("text=Nothing left for you")
    assert bench.labels("d0") == ["PERSON"]


def test_without_scripts_everything_can_be_said(place, browser):
    bench = Bench(place, "noscript", "Ada wrote from Oslo.")
    plain = browser.new_context(java_script_enabled=False)
    page = bench.page(plain)
    page.goto(bench.url)
    assert page.inner_text("#text") == "Ada wrote from Oslo."
    page.fill("[name=words] >> nth=0", "Ada")
    page.fill("[name=words] >> nth=1", "Paris")
    page.select_option("[name=label] >> nth=1", "PLACE")
    page.check("text=delivery")
    page.fill("[name=comment]", "Short.")
    page.click("#submit")
    assert "These words are not in the text" in page.inner_text(".typed >> nth=0")
    assert page.input_value("[name=words] >> nth=0") == "Paris"
    page.fill("[name=words] >> nth=0", "Oslo")
    page.click("#submit")
    page.wait_for_selector("text=Nothing left for you")

    answer = bench.answer("d0")
    assert bench.labels("d0") == ["PERSON", "PLACE"]
    assert (answer["classes"], answer["comment"]) == ({"topic": ["delivery"]}, "Short.")
    plain.close()
