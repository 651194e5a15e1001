"""`manage.py doctor`: what works, what does not, and what to do about it. Exits with 1 if there is a problem."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from config.doctor import Finding, Status, examine, mail

MARKS = {Status.OK: "ok", Status.NOTE: "note", Status.PROBLEM: "PROBLEM"}


class Command(BaseCommand):
    help = "Look whether this installation can work, and say what to do where it cannot."
    requires_system_checks = []  # they are the first thing that it looks at

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--mail", metavar="ADDRESS", help="send a letter there as well")

    def handle(self, *args: Any, **options: Any) -> None:
        found = examine()
        if options["mail"]:
            found.append(("Mail", mail.letter(options["mail"])))
        for title, finding in found:
            self._tell(title, finding)
        problems = sum(finding.status is Status.PROBLEM for _, finding in found)
        self.stdout.write(f"\n{problems} problem{'' if problems == 1 else 's'}." if problems else "\nAll is well.")
        if problems:
            raise SystemExit(1)

    def _tell(self, title: str, finding: Finding) -> None:
        style = {Status.OK: self.style.SUCCESS, Status.NOTE: self.style.WARNING, Status.PROBLEM: self.style.ERROR}
        self.stdout.write(f"{style[finding.status](f'{MARKS[finding.status]:>7}')}  {title}: {finding.says}")
        if finding.advice:
            self.stdout.write(f"         → {finding.advice}")
