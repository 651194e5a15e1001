"""`manage.py demo`: people to try Earshot with, each with a random password that stays the same."""

import os
import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import transaction

from accounts import addresses
from accounts.models import Favourite, User

PEOPLE = {
    "ana": "Ana Duarte",
    "chen": "Chen Wei",
    "jonas": "Jonas Lindqvist",
    "mira": "Mira Okafor",
    "priya": "Priya Raman",
    "sam": "Sam Teller",
    "yuki": "Yuki Mori",
}

# Who likes to call whom; the first two each other.
FAVOURITES = {"ana": ["chen", "priya"], "chen": ["ana"], "jonas": ["mira"], "mira": ["jonas"]}

# 12 characters that cannot be taken for one another: 58 bits.
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
PASSWORD_LENGTH = 12


class Command(BaseCommand):
    help = "Add seven people to try Earshot with, and print their passwords."

    def handle(self, *args: Any, **options: Any) -> None:
        passwords = _passwords()
        with transaction.atomic():
            people = {handle: _person(handle, passwords[handle]) for handle in PEOPLE}
            for owner, liked in FAVOURITES.items():
                for person in liked:
                    Favourite.objects.get_or_create(owner=people[owner], person=people[person])
        self.stdout.write("People to try it with; sign in as one in each of two browser windows:\n\n")
        for handle, name in PEOPLE.items():
            self.stdout.write(f"    {name:18} handle {handle:8} password {passwords[handle]}")
        self.stdout.write("")


def _person(handle: str, password: str) -> User:
    """The person of this handle, made if there is none. One who is there already keeps what they changed."""
    if user := User.objects.filter(handle=handle).first():
        return user
    user = User.objects.create_user(handle, f"{handle}@example.com", password, name=PEOPLE[handle])
    addresses.record(user, verified=True)
    return user


def _passwords() -> dict[str, str]:
    """By handle, as written down at the first run."""
    file = Path(settings.DATA) / "demo-passwords.txt"
    if not file.exists():
        lines = [f"{handle} {_password()}\n" for handle in PEOPLE]
        with open(file, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as out:
            out.writelines(lines)
    return dict(line.split() for line in file.read_text().splitlines())


def _password() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(PASSWORD_LENGTH))
