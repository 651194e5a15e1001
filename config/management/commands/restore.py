"""`manage.py restore FILE`: what `backup` made takes the place of what is there."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from accounts.models import User
from calls.models import Call
from config import alone, env
from config.backup import archive, databases
from config.preparing import migrate
from config.steps import Steps


class Command(BaseCommand):
    help = "Restore what `backup` made. Servers must be stopped. Refuses to replace people or calls unless told to."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="a backup, or - for standard input")
        parser.add_argument("--overwrite", action="store_true", help="replace the people and calls that are there")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with _open(options["file"]) as source, archive.read(source) as backup:
                self.restore(backup, options["overwrite"])
        except archive.Unreadable as unreadable:
            raise CommandError(str(unreadable)) from None

    def restore(self, backup: archive.Backup, overwrite: bool) -> None:
        self.alone = _be_alone()  # until the process ends
        _refuse_what_cannot_be(backup.about)
        if not overwrite and _is_used():
            raise CommandError("There are people or calls in this database. To replace them: --overwrite")
        step = Steps(self.stdout)
        try:
            step(f"Restoring what was there at {backup.about.made_at}", lambda: databases.load(backup.database))
        except databases.Failed as failed:
            raise CommandError(f"Nothing was changed. {failed}") from None
        migrate(step)
        self.restore_keys(backup.secret_keys)
        self.stdout.write(f"Restored: {backup.about.people} people, {backup.about.calls} calls.", self.style.SUCCESS)

    def restore_keys(self, keys: list[str]) -> None:
        if not env.read.str("SECRET_KEY", default=""):
            env.write_secret_key(Path(settings.DATA), keys[0])
            missing = {*keys[1:]} - {*settings.SECRET_KEY_FALLBACKS}
        else:
            missing = {*keys} - {settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS}
        if missing:
            self.stderr.write(
                "Not all secret keys of the backup are set here: some will have to sign in again, and their links and "
                "second steps will not work. Add the lines of its secret_keys to SECRET_KEY_FALLBACKS (docs/backup.md)."
            )


def _open(name: str) -> IO[bytes]:
    if name == "-":
        return sys.stdin.buffer
    try:
        return Path(name).open("rb")
    except OSError as error:
        raise CommandError(f"{name} cannot be read: {error.strerror}.") from None


def _be_alone() -> IO[str]:
    stop = "Stop all server processes first: they would go on with what is no longer there."
    try:
        file = alone.hold(settings.DATA)
    except alone.NotAlone as other:
        raise CommandError(f"A process ({other}) serves from {settings.DATA}. {stop}") from None
    if others := databases.others_connected():
        raise CommandError(f"Others are connected to the database ({others} connections). {stop}")
    return file


def _refuse_what_cannot_be(about: archive.About) -> None:
    if about.database != connection.vendor:
        raise CommandError(f"This is a backup of {about.database}, and the database here is {connection.vendor}.")
    known = MigrationLoader(connection).disk_migrations or {}
    if newer := [f"{app}.{name}" for app, name in about.migrations if (app, name) not in known]:
        raise CommandError(f"This is a backup of a newer version of Earshot: it has {', '.join(newer)}.")


def _is_used() -> bool:
    tables = connection.introspection.table_names()
    return any(model._meta.db_table in tables and model._default_manager.exists() for model in (User, Call))
