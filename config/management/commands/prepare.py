"""`manage.py prepare`: what `serve` does before it answers, and no more."""

from typing import Any

from django.core.management.base import BaseCommand

from config.preparing import prepare
from config.steps import Steps


class Command(BaseCommand):
    help = "Bring the database and the static files up to date. Any number may run at once, beside running servers."

    def handle(self, *args: Any, **options: Any) -> None:
        prepare(Steps(self.stdout))
