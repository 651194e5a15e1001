"""A new SECRET_KEY, in the rounds of docs/operating.md: processes of one round and of the next serve side by side."""

from typing import Any

import pytest
from django.test import Client

from accounts import derived_secret
from accounts.second_step import SecondStepAdapter, UnreadableError
from tests.support.people import make_person

Keys = tuple[str, list[str]]

OLD, NEW = "the old key, long and random", "the new key, long and random"
BEFORE: Keys = (OLD, [])
FIRST: Keys = (OLD, [NEW])
SECOND: Keys = (NEW, [OLD])
AFTER: Keys = (NEW, [])


def use(settings: Any, keys: Keys) -> None:
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = keys


def signed_in(settings: Any, browser: Client, keys: Keys) -> bool:
    use(settings, keys)
    return browser.get("/settings/").status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("one", "other", "understood"),
    [(BEFORE, FIRST, True), (FIRST, SECOND, True), (SECOND, AFTER, True), (BEFORE, SECOND, False)],
)
class TestOfTwoProcesses:
    def test_a_session_goes_back_and_forth(self, settings: Any, one: Keys, other: Keys, understood: bool) -> None:
        browser = Client()
        use(settings, one)
        browser.force_login(make_person("ana"))
        seen = [signed_in(settings, browser, keys) for keys in (one, other, one, other)]
        assert all(seen) is understood

    def test_each_opens_what_the_other_made(self, settings: Any, one: Keys, other: Keys, understood: bool) -> None:
        """Addresses of links and invitations, and second steps."""
        opened = []
        for maker, reader in ((one, other), (other, one)):
            use(settings, maker)
            secret, sealed = derived_secret.secret_of("n" * 16, "test"), SecondStepAdapter().encrypt("seed")
            use(settings, reader)
            opened.append(derived_secret.number_of(secret, "test") is not None)
            try:
                opened.append(SecondStepAdapter().decrypt(sealed) == "seed")
            except UnreadableError:
                opened.append(False)
        assert all(opened) is understood
