"""`manage.py backup FILE`: database and secret key in one file, made beside running servers."""

import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from accounts.models import User
from calls.models import Call
from config.backup import archive, databases


class Command(BaseCommand):
    help = "Back up the database and the secret key into one file. Servers may run on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="a new file, or - for standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        os.umask(0o077)  # it has everything
        about = _back_up(sys.stdout.buffer) if options["file"] == "-" else _back_up_to(Path(options["file"]))
        self.stderr.write(f"Backed up: {about.people} people, {about.calls} calls.", self.style.SUCCESS)


def _back_up_to(file: Path) -> archive.About:
    """It has its name only when it is whole."""
    if file.exists():
        raise CommandError(f"{file} exists. A backup is not written over another.")
    unfinished = file.with_name(file.name + ".unfinished")
    try:
        with unfinished.open("wb") as out:
            about = _back_up(out)
            os.fsync(out.fileno())
        unfinished.rename(file)
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error.strerror}.") from None
    finally:
        unfinished.unlink(missing_ok=True)
    return about


def _back_up(out: IO[bytes]) -> archive.About:
    about = archive.About(
        format=archive.FORMAT,
        made_at=timezone.now().isoformat(timespec="seconds"),
        database=connection.vendor,
        migrations=sorted(MigrationRecorder(connection).applied_migrations()),
        people=User.objects.count(),
        calls=Call.objects.count(),
    )
    with TemporaryDirectory(prefix="earshot-backup-") as name:
        folder = Path(name)
        try:
            databases.save(folder / "dump")
        except databases.Failed as failed:
            raise CommandError(str(failed)) from None
        keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
        archive.write(out, archive.Backup(about, folder / "dump", keys), folder)
    return about
