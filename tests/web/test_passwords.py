"""Passwords: how they are chosen and changed, and who has to wait for guessing."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import redis
from django.core.cache import cache
from django.test import Client

from annotator.models import User
from tests.cast import signed_in
from web import throttle

PHRASE = "four words make one"


@pytest.fixture(autouse=True)
def nobody_has_failed() -> Iterator[None]:
    """Neither before a test nor after it: whoever is called bob in other tests would have to wait."""
    cache.clear()
    yield
    cache.clear()


def test_a_password_is_changed_and_other_sessions_end(cast):
    cast.bob.set_password(PHRASE)
    cast.bob.save()
    here, elsewhere = signed_in(cast.bob), signed_in(cast.bob)
    sent = {"old_password": PHRASE, "new_password1": "another good phrase", "new_password2": "another good phrase"}

    wrong = here.post("/account/password", sent | {"old_password": "not it"})
    done = here.post("/account/password", sent, follow=True)

    assert wrong.status_code == 422
    assert "Your password is changed" in done.text
    assert here.get(f"/t/{cast.acme.slug}/").status_code == 200
    assert elsewhere.get(f"/t/{cast.acme.slug}/").status_code == 302


def test_who_came_by_a_link_chooses_a_first_password(cast):
    User.objects.filter(pk=cast.bob.pk).update(password="!")
    cast.bob.refresh_from_db()
    bob = signed_in(cast.bob)

    assert "old_password" not in bob.get("/account/password").text
    bob.post("/account/password", {"new_password1": PHRASE, "new_password2": PHRASE})

    cast.bob.refresh_from_db()
    assert cast.bob.check_password(PHRASE)


def test_who_guesses_has_to_wait_and_is_told_how_long(cast):
    cast.bob.set_password(PHRASE)
    cast.bob.save()
    stranger = Client()
    for _ in range(throttle.FREE):
        assert stranger.post("/signin", {"username": "bob", "password": "guess"}).status_code == 422

    refused = stranger.post("/signin", {"username": "Bob ", "password": PHRASE})

    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= throttle.FIRST_WAIT
    assert re.search(r"Try again in \d+ seconds", refused.text)
    # Another name is not held up, nor the same one from elsewhere.
    assert stranger.post("/signin", {"username": "alice", "password": "guess"}).status_code == 422
    assert Client(REMOTE_ADDR="10.0.0.9").post("/signin", {"username": "bob", "password": PHRASE}).status_code == 302


def test_each_further_failure_doubles_the_wait(rf):
    request = rf.post("/signin")
    waits = []
    for _ in range(throttle.FREE + 8):
        throttle.failed(request, "bob")
        waits.append(throttle.wait_for(request, "bob"))

    assert waits[: throttle.FREE - 1] == [0] * (throttle.FREE - 1)
    assert waits[throttle.FREE - 1 : throttle.FREE + 2] == [15, 30, 60]
    assert waits[-1] == throttle.LONGEST_WAIT


def test_the_right_password_forgets_earlier_failures(rf):
    request = rf.post("/signin")
    for _ in range(throttle.FREE - 1):
        throttle.failed(request, "bob")
    throttle.succeeded(request, "bob")
    throttle.failed(request, "bob")

    assert throttle.wait_for(request, "bob") == 0


def test_behind_proxies_of_ours_people_are_told_apart_by_what_those_saw(rf, settings):
    def sent_by(*chain):
        return rf.post("/signin", headers={"x-forwarded-for": ", ".join(chain)}, REMOTE_ADDR="10.0.0.2")

    assert throttle.sender(sent_by("1.1.1.1")) == "10.0.0.2"

    settings.TRUSTED_PROXIES = 2
    assert throttle.sender(sent_by("6.6.6.6", "1.1.1.1", "10.0.0.1")) == "1.1.1.1"
    assert throttle.sender(sent_by("6.6.6.6", "2001:DB8::1", "10.0.0.1")) == "2001:db8::1"
    assert throttle.sender(sent_by("1.1.1.1")) == "10.0.0.2"
    assert throttle.sender(sent_by("what\nis this", "10.0.0.1")) == "10.0.0.2"


def test_many_names_from_one_address_have_to_wait_too(rf):
    request = rf.post("/signin")
    for number in range(throttle.FREE_ADDRESS):
        throttle.failed(request, f"name{number}")

    assert throttle.wait_for(request, "somebody else") > 0


def test_without_redis_people_still_sign_in(cast, monkeypatch):
    cast.bob.set_password(PHRASE)
    cast.bob.save()

    class Gone:
        def __getattr__(self, _name):
            def refuse(*_args, **_options):
                raise redis.ConnectionError

            return refuse

    monkeypatch.setattr(throttle, "cache", Gone())

    assert Client().post("/signin", {"username": "bob", "password": "guess"}).status_code == 422
    assert Client().post("/signin", {"username": "bob", "password": PHRASE}).status_code == 302
