from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.cache import cache
from django.test import Client

from accounts import addresses
from accounts.models import User
from tests.support.people import make_person

# Long, uncommon, and like nobody's name.
PASSWORD = "copper kettle on monday"


@pytest.fixture(autouse=True)
def quick(settings, tmp_path: Path) -> None:
    """No hashed files, no slow hashes, a data folder of one's own, and no memory of earlier tries."""
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.DATA = settings.STATIC_ROOT = tmp_path
    cache.clear()


@pytest.fixture
def people(db: None) -> SimpleNamespace:
    """Ana and Ben; and Sam, a stranger to both."""
    made = {handle: make_person(handle, password=PASSWORD) for handle in ("ana", "ben", "sam")}
    for person in made.values():
        addresses.record(person, verified=True)
    return SimpleNamespace(**made)


@pytest.fixture
def ana(people: SimpleNamespace, client: Client) -> Client:
    """Ana's browser."""
    client.force_login(people.ana)
    return client


@pytest.fixture
def admin(db: None) -> User:
    return User.objects.create_superuser("root.one", "root@example.org", PASSWORD, name="Ada Admin")
