"""What must be done once before a server answers: the database and the static files brought up to date.

Several processes that start together all come here. One does it, the others wait for it and find nothing left to do.
"""

import fcntl
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

# PostgreSQL's advisory locks have numbers for names; this one says "earshot".
MIGRATION_LOCK = int.from_bytes(b"earshot")

Step = Callable[[str, Callable[[], object]], None]


def prepare(step: Step) -> None:
    """Bring both up to date. `step(what, do)` is called for what takes a while, and calls `do`."""
    with _one_of_this_folder():
        migrate(step)
        if not settings.DEBUG and _static_changed():
            step("Collecting static files", _collect)


def migrate(step: Step) -> None:
    with _one_of_this_database():
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            step("Bringing the database up to date", lambda: call_command("migrate", verbosity=0))


@contextmanager
def _one_of_this_folder() -> Iterator[None]:
    with (Path(settings.DATA) / "preparing").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # until it is closed
        yield


@contextmanager
def _one_of_this_database() -> Iterator[None]:
    """On PostgreSQL, where processes have folders of their own on other machines; SQLite's have one folder."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [MIGRATION_LOCK])


def _collect() -> None:
    # With Redis there may be processes that still serve pages which name the files of before.
    call_command("collectstatic", verbosity=0, interactive=False, clear=not settings.REDIS_URL)
    _static_stamp().write_text(_static_digest())


def _static_stamp() -> Path:
    return Path(settings.STATIC_ROOT).with_name("static.stamp")


def _static_changed() -> bool:
    stamp, manifest = _static_stamp(), Path(settings.STATIC_ROOT) / "staticfiles.json"
    return not manifest.exists() or not stamp.exists() or stamp.read_text() != _static_digest()


def _static_digest() -> str:
    """Changes when a static file of ours or of an installed app does."""
    folders = [Path(folder) for folder in settings.STATICFILES_DIRS]
    folders += [Path(app.path) / "static" for app in apps.get_app_configs()]
    digest = hashlib.sha256()
    for folder in folders:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                about = file.stat()
                digest.update(f"{file} {about.st_size} {about.st_mtime_ns}\n".encode())
    return digest.hexdigest()
