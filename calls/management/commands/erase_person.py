"""Erase a person for good."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import erasure
from accounts.models import User


class Command(BaseCommand):
    help = "Erase a person: account, links, and their name in everybody's history. There is no way back."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("handle")
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, **options: Any) -> None:
        person = User.objects.filter(handle=options["handle"].lower().removeprefix("@")).first()
        if person is None:
            raise CommandError(f"Nobody has the handle {options['handle']!r}.")
        if (
            not options["yes"]
            and input(f"Erase {person.name} ({person.email})? Type the handle again: ") != person.handle
        ):
            raise CommandError("Nothing is erased.")
        name = person.name
        erasure.erase(person)
        self.stdout.write(f"{name} is erased.")
