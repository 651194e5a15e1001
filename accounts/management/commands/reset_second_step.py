"""Take somebody's second step away, for when they have lost it and no admin gets in to do so."""

from typing import Any

from allauth.mfa.models import Authenticator
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User


class Command(BaseCommand):
    help = "Delete a person's second step and recovery codes: then the password alone signs them in."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("handle")

    def handle(self, **options: Any) -> None:
        person = User.objects.filter(handle=options["handle"].lower().removeprefix("@")).first()
        if person is None:
            raise CommandError(f"Nobody has the handle {options['handle']!r}.")
        if not Authenticator.objects.filter(user=person).delete()[0]:
            raise CommandError(f"{person.name} has no second step.")
        self.stdout.write(f"{person.name} signs in with the password alone.")
