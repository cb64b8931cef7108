"""Members and invitations: who may give which role, and what a link does once."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from annotator import invitations, people, queue, review, tokens
from annotator.errors import Conflict, Invalid
from annotator.models import AuditEvent, Claim, Document, Invitation, Membership, Role, User
from annotator.tenancy import tenant_scope
from tests.cast import add_documents, make_project, signed_in

PHRASE = "four words make one"


@pytest.fixture(autouse=True)
def nobody_has_failed():
    cache.clear()


@pytest.fixture
def alice(cast) -> Client:
    return signed_in(cast.alice)


@pytest.fixture
def anna(cast) -> User:
    """The one admin of acme."""
    anna = User.objects.create_user("anna")
    Membership.objects.create(tenant=cast.acme, user=anna, role=Role.ADMIN)
    return anna


def words(answer) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.text))


def member(cast, user) -> Membership:
    return Membership.objects.get(tenant=cast.acme, user=user)


def invited(cast, role: str = "annotator", **options) -> str:
    with tenant_scope(cast.acme):
        return invitations.invite("Dora", role, actor=cast.alice, **options)[1]


# --- the list ---------------------------------------------------------------------------------------------------


def test_managers_see_who_belongs_here_and_annotators_do_not(cast, alice):
    page = words(alice.get(f"/t/{cast.acme.slug}/people"))

    assert "bob" in page
    assert "charlie" not in page
    assert signed_in(cast.bob).get(f"/t/{cast.acme.slug}/people").status_code == 403


def test_the_list_costs_the_same_however_many_belong_here(cast, alice):
    def cost() -> int:
        with CaptureQueriesContext(connection) as spent:
            assert alice.get(f"/t/{cast.acme.slug}/people").status_code == 200
        return len(spent)

    before = cost()
    for number in range(20):
        user = User.objects.create_user(f"person{number}")
        Membership.objects.create(tenant=cast.acme, user=user, role="annotator")
        with tenant_scope(cast.acme):
            invitations.invite(f"Guest {number}", "annotator", actor=cast.alice)

    assert cost() == before


def test_when_somebody_answered_last_is_told_unless_the_project_hides_times(cast):
    project = make_project(cast.acme)
    (document,) = add_documents(cast.acme, project, "Ann lives in Oslo.")
    with tenant_scope(cast.acme):
        review.annotate(document, cast.bob, review.Submission(uuid4(), 0, {}))
        shown = {one.user: one.last_active for one in people.members()}
        project.show_times = False
        project.save()
        hidden = {one.user: one.last_active for one in people.members()}

    assert shown[cast.bob] is not None
    assert shown[cast.alice] is None
    assert hidden[cast.bob] is None


# --- roles ------------------------------------------------------------------------------------------------------


def test_a_role_is_changed_and_on_record(cast, alice):
    address = f"/t/{cast.acme.slug}/people/{member(cast, cast.bob).pk}"

    assert "bob has another role now" in words(alice.post(address, {"role": "reviewer"}, follow=True))

    assert member(cast, cast.bob).role == "reviewer"
    with tenant_scope(cast.acme):
        event = AuditEvent.objects.get(action="member.role")
        assert (event.actor, event.detail) == (cast.alice, {"role": "reviewer", "before": "annotator"})


@pytest.mark.parametrize("role", ["admin", "emperor", ""])
def test_nobody_gives_a_role_above_their_own(cast, role):
    with tenant_scope(cast.acme):
        with pytest.raises(Invalid):
            people.change_role(member(cast, cast.bob), role, actor=cast.alice)
        with pytest.raises(Invalid):
            invitations.invite("Dora", role, actor=cast.alice)
        with pytest.raises(Invalid):
            invitations.invite("Dora", "annotator", actor=cast.bob)


def test_nobody_touches_a_role_above_their_own(cast, anna, alice):
    with tenant_scope(cast.acme):
        with pytest.raises(Invalid):
            people.change_role(member(cast, anna), "annotator", actor=cast.alice)
        with pytest.raises(Invalid):
            people.remove_member(member(cast, anna), actor=cast.alice)
    told = words(alice.get(f"/t/{cast.acme.slug}/people/{member(cast, anna).pk}"))
    assert "above yours" in told


def test_the_last_admin_stays(cast, anna):
    with tenant_scope(cast.acme):
        with pytest.raises(Conflict, match="last admin"):
            people.change_role(member(cast, anna), "manager", actor=anna)
        with pytest.raises(Conflict, match="last admin"):
            people.remove_member(member(cast, anna), actor=anna)

        people.change_role(member(cast, cast.alice), "admin", actor=anna)
        people.change_role(member(cast, anna), "manager", actor=anna)

    assert member(cast, anna).role == "manager"


def test_without_an_admin_the_last_manager_stays(cast):
    with tenant_scope(cast.acme), pytest.raises(Conflict, match="last manager"):
        people.remove_member(member(cast, cast.alice), actor=cast.alice)


def test_who_is_removed_is_out_at_once_and_their_work_stays(cast, alice):
    project = make_project(cast.acme)
    done, _open = add_documents(cast.acme, project, "Ann lives in Oslo.", "Bob lives in Rome.")
    bob = signed_in(cast.bob)
    with tenant_scope(cast.acme):
        review.annotate(done, cast.bob, review.Submission(uuid4(), 0, {}))
        queue.claim_next(project, cast.bob)
        secret = tokens.issue(cast.bob)[1]
        assert Claim.objects.filter(annotator=cast.bob).exists()
    address = f"/t/{cast.acme.slug}/people/{member(cast, cast.bob).pk}/remove"

    asked = words(alice.get(address))
    assert "1 document that they have at hand goes back" in asked
    assert "1 token of theirs stops working." in asked
    assert "1 answer of theirs stays, under their name" in asked
    assert bob.get(f"/t/{cast.acme.slug}/").status_code == 200, "nothing has happened yet"
    told = words(alice.post(address, follow=True))

    assert "bob is no longer a member" in told
    assert bob.get("/").status_code == 302
    assert bob.get("/").url.startswith("/signin")
    with tenant_scope(cast.acme):
        assert tokens.holder(secret) is None
        assert not Claim.objects.filter(annotator=cast.bob).exists()
        assert not Document.objects.filter(project=project, free_slots=0).exclude(pk=done.pk).exists()
        assert review.current(done, cast.bob) is not None
        # An old token does not wake up when somebody comes back.
        people.add_member("bob", "annotator")
        assert tokens.holder(secret) is None


def test_who_belongs_elsewhere_too_stays_signed_in_there(cast, alice):
    Membership.objects.create(tenant=cast.globex, user=cast.bob, role="annotator")
    bob = signed_in(cast.bob)

    alice.post(f"/t/{cast.acme.slug}/people/{member(cast, cast.bob).pk}/remove")

    gone = bob.get(f"/t/{cast.acme.slug}/projects/1/")
    assert gone.status_code == 404
    assert "You are no longer a member of Acme" in words(gone)
    assert bob.get(f"/t/{cast.globex.slug}/").status_code == 200
    assert "You are no longer a member of Acme." in words(bob.get("/", follow=True))
    assert "no longer" not in words(bob.get("/", follow=True)), "once is enough"


def test_who_is_removed_is_told_where_they_were_and_when_they_sign_in_again(cast, alice):
    cast.bob.set_password(PHRASE)
    cast.bob.save()
    here, elsewhere = signed_in(cast.bob), Client()

    alice.post(f"/t/{cast.acme.slug}/people/{member(cast, cast.bob).pk}/remove")

    thrown_out = here.get(f"/t/{cast.acme.slug}/", follow=True)
    assert thrown_out.redirect_chain[-1][0].startswith("/signin")
    assert "You are no longer a member of Acme, so you are signed out." in words(thrown_out)
    for client in (here, elsewhere):
        inside = client.post("/signin", {"username": "bob", "password": PHRASE}, follow=True)
        assert "You are no longer a member of Acme" in words(inside)
        assert "no workplace yet" not in words(inside)
    with tenant_scope(cast.acme):
        people.add_member("bob", "annotator")
    again = signed_in(User.objects.get(pk=cast.bob.pk)).get("/", follow=True)
    assert "no longer" not in words(again)


def test_somebody_elses_browser_is_told_nothing(cast, alice):
    dora = User.objects.create_user("dora")
    Membership.objects.create(tenant=cast.acme, user=dora, role="annotator")
    other = signed_in(dora)

    alice.post(f"/t/{cast.acme.slug}/people/{member(cast, cast.bob).pk}/remove")

    assert other.get(f"/t/{cast.acme.slug}/").status_code == 200
    assert "no longer" not in words(Client().get("/signin"))
    assert signed_in(cast.charlie).get(f"/t/{cast.acme.slug}/").status_code == 404


# --- invitations ------------------------------------------------------------------------------------------------


def test_an_invitation_is_a_link_shown_once(cast, alice):
    sent = {"name": "Dora", "email": "dora@example.org", "role": "reviewer"}

    shown = alice.post(f"/t/{cast.acme.slug}/people", sent, follow=True).text
    again = alice.get(f"/t/{cast.acme.slug}/people").text

    link = re.search(r'value="http://testserver(/join/[^"]+)"', shown)
    assert link
    assert link[1] not in again
    assert "Dora" in again
    with tenant_scope(cast.acme):
        invitation = Invitation.objects.get()
        assert link[1].rpartition("/")[2] not in str(vars(invitation))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": " "}, "must be 1 to 150 characters"),
        ({"email": "nowhere"}, "must be an address like"),
        ({"role": "admin"}, "Only somebody with the role admin"),
    ],
)
def test_a_wrong_invitation_says_why_and_keeps_what_was_typed(cast, alice, change, said):
    sent = {"name": "Dora", "email": "d@example.org", "role": "annotator"} | change

    response = alice.post(f"/t/{cast.acme.slug}/people", sent)

    assert response.status_code == 422
    assert said in response.text
    assert f'value="{sent["email"]}"' in response.text


def test_whoever_opens_it_chooses_name_and_password_and_is_in(cast):
    path = invited(cast, "reviewer", email="dora@example.org")
    dora = Client()
    assert f"Join {cast.acme.name}" in words(dora.get(path))

    response = dora.post(path, {"username": "dora", "password": PHRASE, "again": PHRASE})

    assert response.url == f"/t/{cast.acme.slug}/"
    assert dora.get(response.url).status_code == 200
    user = User.objects.get(username="dora")
    assert (member(cast, user).role, user.email) == ("reviewer", "dora@example.org")
    assert user.check_password(PHRASE)
    spent = Client().get(path)
    assert spent.status_code == 410
    assert "An invitation works once" in spent.text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"username": "bob"}, "already exists"),
        ({"username": "no spaces please"}, "Enter a valid username"),
        ({"password": "short", "again": "short"}, "too short"),
        ({"again": "another phrase"}, "The two passwords differ."),
    ],
)
def test_what_will_not_do_is_said_at_its_field_and_the_link_stays_good(cast, change, said):
    path = invited(cast)

    response = Client().post(path, {"username": "dora", "password": PHRASE, "again": PHRASE} | change)

    assert response.status_code == 422
    assert said in response.text
    assert not User.objects.filter(username="dora").exists()
    assert Client().get(path).status_code == 200


def test_somebody_with_an_account_joins_with_it(cast):
    path = invited(cast)
    charlie = signed_in(cast.charlie)

    assert f"Join as {cast.charlie.username}" in words(charlie.get(path))
    charlie.post(path)

    assert member(cast, cast.charlie).role == "annotator"
    assert charlie.get(f"/t/{cast.acme.slug}/").status_code == 200


def test_a_member_never_loses_a_role_by_a_link(cast, alice):
    path = invited(cast)

    assert "belong to Acme already" in words(alice.get(path))
    alice.post(path)

    assert member(cast, cast.alice).role == "manager"


def test_a_link_that_was_taken_back_is_old_or_whose_maker_left(cast, alice, anna):
    taken, old, orphan = invited(cast), invited(cast), invited(cast)
    with tenant_scope(cast.acme):
        first, second, _third = Invitation.objects.order_by("pk")
        Invitation.objects.filter(pk=second.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    alice.post(f"/t/{cast.acme.slug}/invitations/{first.pk}/revoke")
    again = words(alice.post(f"/t/{cast.acme.slug}/invitations/{first.pk}/revoke", follow=True))
    with tenant_scope(cast.acme):
        people.remove_member(member(cast, cast.alice), actor=anna)

    assert "used or taken back already" in again
    sent = {"username": "dora", "password": PHRASE, "again": PHRASE}
    for path in (taken, old, orphan, f"/join/{cast.globex.slug}/{orphan.rpartition('/')[2]}", "/join/nobody/x"):
        assert Client().post(path, sent).status_code == 410
    assert not User.objects.filter(username="dora").exists()


def test_a_refusal_on_the_way_takes_back_what_was_written_before_it(cast, alice, monkeypatch):
    def half(found, role, *, actor):
        Membership.objects.filter(pk=found.pk).update(role=role)
        raise Conflict("x", "Not so.")

    monkeypatch.setattr(people, "change_role", half)
    path = reverse("member", args=[cast.acme.slug, member(cast, cast.bob).pk])

    answer = alice.post(path, {"role": "reviewer"}, follow=True)

    assert "Not so." in words(answer)
    assert member(cast, cast.bob).role == "annotator"
