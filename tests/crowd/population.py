"""Thousands of people with accounts and sessions, made in a few statements."""

from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.utils import timezone

from tests.support.server import Server

from .device import Device


@dataclass(frozen=True, slots=True)
class Inhabitant:
    id: str
    cookie: str

    def device(self, server: Server) -> Device:
        return Device(server.socket_url, server.origin, self.cookie)


def populate(number: int, handle: str = "crowd") -> list[Inhabitant]:
    User = get_user_model()
    people = [User(handle=f"{handle}{n}", email=f"{handle}{n}@example.org", name=f"Person {n}") for n in range(number)]
    for person in people:
        person.set_unusable_password()
    User.objects.bulk_create(people, batch_size=500)
    store = import_module(settings.SESSION_ENGINE).SessionStore()
    rows = [
        store.model(
            session_key=f"{person.pk.hex[:31]}x",
            session_data=store.encode(
                {
                    SESSION_KEY: str(person.pk),
                    BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
                    HASH_SESSION_KEY: person.get_session_auth_hash(),
                }
            ),
            expire_date=timezone.now() + timedelta(days=1),
        )
        for person in people
    ]
    store.model.objects.bulk_create(rows, batch_size=500)
    name = settings.SESSION_COOKIE_NAME
    return [Inhabitant(str(person.pk), f"{name}={row.session_key}") for person, row in zip(people, rows, strict=True)]
