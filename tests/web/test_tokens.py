"""Tokens: who sees and ends whose, what ends them besides, and that their secret is shown once."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.auth.hashers import make_password
from django.utils import timezone

from annotator import people, tokens
from annotator.accounts import Membership
from annotator.models import ApiToken, AuditEvent
from annotator.tenancy import tenant_scope
from tests.cast import signed_in
from tests.web.api_client import Api


@pytest.fixture
def page(cast):
    return f"/t/{cast.acme.slug}/tokens"


def issued(cast, user, name="nightly", **options):
    with tenant_scope(cast.acme):
        return tokens.issue(user, name=name, **options)


def status(cast, secret: str) -> int:
    api = Api(cast.acme)
    api.headers["Authorization"] = f"Bearer {secret}"
    return api.get("/me").status_code


def test_one_makes_a_token_and_sees_its_secret_once(cast, page):
    bob = signed_in(cast.bob)

    shown = bob.post(page, {"name": "nightly", "role": "annotator", "days": "30"}, follow=True).text
    [secret] = re.findall(r"mgn_[\w-]+", shown)
    again = bob.get(page).text

    assert status(cast, secret) == 200
    assert "nightly" in again
    assert secret not in again
    with tenant_scope(cast.acme):
        assert ApiToken.objects.get().used_at is not None


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"days": "0"}, {"days": "x"}, {"days": "9" * 30}, {"role": "admin"}, {"role": ""}]
)
def test_what_will_not_do_is_told(cast, page, wrong):
    sent = {"name": "nightly", "role": "annotator", "days": "30"} | wrong

    told = signed_in(cast.bob).post(page, sent)

    assert told.status_code == (302 if wrong == {"role": ""} else 422)  # without a role it is one's own
    assert ("fault" in told.text) == (told.status_code == 422)


def test_a_revoked_token_stops_at_once_and_that_is_on_record(cast, page):
    token, secret = issued(cast, cast.bob)
    assert status(cast, secret) == 200

    signed_in(cast.bob).post(f"{page}/{token.pk}/revoke")

    assert status(cast, secret) == 404
    with tenant_scope(cast.acme):
        event = AuditEvent.objects.get(action="token.revoke")
        assert (event.actor, event.target, event.detail["owner"]) == (cast.bob, "nightly", "bob")


def test_managers_see_and_revoke_those_of_others_and_nobody_else_does(cast, page):
    of_bob, secret = issued(cast, cast.bob)
    of_alice, _ = issued(cast, cast.alice, name="weekly")
    alice, bob = signed_in(cast.alice), signed_in(cast.bob)

    assert "weekly" not in bob.get(page).text
    assert bob.post(f"{page}/{of_alice.pk}/revoke").status_code == 404
    assert {"nightly", "weekly"} <= set(re.findall(r"nightly|weekly", alice.get(page).text))
    alice.post(f"{page}/{of_bob.pk}/revoke")

    assert status(cast, secret) == 404


def test_a_manager_does_not_revoke_an_admins(cast, page):
    Membership.objects.filter(user=cast.bob).update(role="admin")
    token, secret = issued(cast, cast.bob)

    told = signed_in(cast.alice).post(f"{page}/{token.pk}/revoke", follow=True)

    assert "Only somebody with the role admin" in told.text
    assert status(cast, secret) == 200


def test_they_end_when_the_password_changes(cast, page):
    cast.bob.set_password("four words make one")
    cast.bob.save()
    _, secret = issued(cast, cast.bob)
    assert status(cast, secret) == 200
    new = {"new_password1": "another good phrase", "new_password2": "another good phrase"}

    told = signed_in(cast.bob).post("/account/password", {"old_password": "four words make one"} | new, follow=True)

    assert "your tokens have ended" in told.text
    assert status(cast, secret) == 404
    cast.bob.refresh_from_db()
    assert "no longer valid" in signed_in(cast.bob).get(page).text
    _, another = issued(cast, cast.bob)
    assert status(cast, another) == 200


def test_they_do_not_end_when_the_same_password_is_hashed_anew(cast):
    cast.bob.password = make_password("four words make one", hasher="pbkdf2_sha1")
    cast.bob.save()
    _, secret = issued(cast, cast.bob)

    assert cast.bob.check_password("four words make one")

    cast.bob.refresh_from_db()
    assert cast.bob.password.startswith("pbkdf2_sha256")
    assert status(cast, secret) == 200


def test_they_end_with_the_membership_however_that_ends(cast):
    _, by_us = issued(cast, cast.bob)
    _, by_hand = issued(cast, cast.alice)
    with tenant_scope(cast.acme):
        people.remove_member(Membership.objects.get(user=cast.bob), actor=cast.alice)
    Membership.objects.filter(user=cast.alice).delete()

    assert status(cast, by_us) == status(cast, by_hand) == 404


def test_an_expired_one_is_shown_as_such(cast, page):
    token, _ = issued(cast, cast.bob)
    with tenant_scope(cast.acme):
        ApiToken.objects.filter(pk=token.pk).update(expires_at=timezone.now() - timedelta(days=1))

    assert "no longer valid" in signed_in(cast.bob).get(page).text
