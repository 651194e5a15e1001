"""Forget what is older than the operator wants to keep. The server does so by itself once a day."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from calls import retention


class Command(BaseCommand):
    help = (
        "Forget calls, guests' names, quality data and dead links that are older than the EARSHOT_KEEP_… settings say."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say how much there is to forget")

    def handle(self, **options: Any) -> None:
        counts = retention.apply(dry=options["dry_run"])
        for rule in retention.RULES:
            kept = f"kept {rule.days} days" if rule.days else "kept for good"
            word = "would be forgotten" if options["dry_run"] else "forgotten"
            self.stdout.write(f"{rule.name}: {counts[rule.name]} {word} ({kept}, {rule.setting})")
