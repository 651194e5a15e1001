"""Print everything that is held on a person."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder

from accounts.models import User
from calls import personal_data


class Command(BaseCommand):
    help = "Print everything that is held on a person, as JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("handle")

    def handle(self, **options: Any) -> None:
        person = User.objects.filter(handle=options["handle"].lower().removeprefix("@")).first()
        if person is None:
            raise CommandError(f"Nobody has the handle {options['handle']!r}.")
        self.stdout.write(
            json.dumps(personal_data.held_on(person), cls=DjangoJSONEncoder, indent=1, ensure_ascii=False)
        )
