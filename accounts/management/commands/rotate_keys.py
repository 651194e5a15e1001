"""Encrypt every second step under the newest key, so that the older ones are needed no more."""

from typing import Any

from allauth.mfa.models import Authenticator
from django.core.management.base import BaseCommand, CommandError

from accounts import second_step


class Command(BaseCommand):
    help = "Encrypt every second step under SECRET_KEY, whichever of SECRET_KEY_FALLBACKS it is under."

    def handle(self, **options: Any) -> None:
        rotated, unreadable = 0, []
        for pk, handle in Authenticator.objects.order_by("pk").values_list("pk", "user__handle"):
            if second_step.rotate(pk):
                rotated += 1
            else:
                unreadable.append(handle)
        self.stdout.write(f"Under the newest key: {rotated}")
        if unreadable:
            names = ", ".join(f"@{handle}" for handle in dict.fromkeys(unreadable))
            raise CommandError(
                f"{len(unreadable)} could not be read; a key is missing in SECRET_KEY_FALLBACKS: {names}"
            )
