"""Settings, and what the server stands on: database, Redis, clocks, files."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import cast

import redis
from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core import checks
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from calls import clock
from calls.processes import known_processes

from .finding import Finding

# More than this between two clocks, and displayed times and the relay's credentials go wrong.
SKEW_SECONDS = 5.0
FREE_BYTES = 1 << 30
SLOW_MS = 50


def settings_fit() -> Iterator[Finding]:
    found = checks.run_checks()
    for each in found:
        make = Finding.problem if each.is_serious() else Finding.note
        yield make(str(each.msg), str(each.hint or f"See {each.id}."))
    if settings.DEBUG:
        yield Finding.problem("EARSHOT_DEBUG is on: errors show the settings to everybody.", "Unset it.")
    if not found and not settings.DEBUG:
        yield Finding.ok("They fit together.")


def database() -> Iterator[Finding]:
    began = monotonic()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            ms = 1000 * (monotonic() - began)
            version = _version()
    except Error as error:
        yield Finding.problem(f"It does not answer: {_first_line(error)}", "Look at DATABASE_URL, and whether it runs.")
        return
    if ms > SLOW_MS:
        yield Finding.note(f"{version} answers after {ms:.0f} ms.", "Every act waits for it: put it near.")
    else:
        yield Finding.ok(f"{version} answers after {ms:.1f} ms.")
    if connection.vendor == "postgresql":
        yield connections(_connections_allowed(), _processes())


def connections(allowed: int, processes: int) -> Finding:
    """Whether PostgreSQL has enough for so many server processes, and for as many new ones while they are replaced."""
    wanted = processes * connection.settings_dict["OPTIONS"]["pool"]["max_size"]
    says = f"It takes {allowed} connections; {processes} server process{'es' * (processes > 1)} may open {wanted}."
    advice = f"Raise PostgreSQL's max_connections by {2 * wanted - allowed}: twice as many are open in an upgrade."
    if wanted > allowed:
        return Finding.problem(says, advice)
    if 2 * wanted > allowed:
        return Finding.note(says, advice)
    return Finding.ok(says)


def migrations() -> Iterator[Finding]:
    executor = MigrationExecutor(connection)
    pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if pending:
        yield Finding.problem(f"{len(pending)} are pending.", "Run: manage.py migrate")
    else:
        yield Finding.ok("All are applied.")


def redis_answers() -> Iterator[Finding]:
    if not settings.REDIS_URL:
        yield Finding.note(
            "None: presence and calls stay within this one process.",
            "Fine for one process. For several set REDIS_URL.",
        )
        return
    client = _redis()
    began = monotonic()
    try:
        client.ping()
        ms = 1000 * (monotonic() - began)
        version = cast(dict[str, str], client.info("server"))["redis_version"]
        listening = client.pubsub_numpat() or client.pubsub_channels()
    except redis.RedisError as error:
        yield Finding.problem(f"It does not answer: {error}", "Look at REDIS_URL, and whether it runs.")
        return
    yield Finding.ok(f"Redis {version} answers after {ms:.1f} ms.")
    if not listening:
        yield Finding.problem("No server process listens on it.", "Start one, or see that all have this REDIS_URL.")


def clocks() -> Iterator[Finding]:
    own = timezone.now()
    found = False
    if connection.vendor == "postgresql":
        found = True
        yield _clock("The database's clock", (clock.now() - own).total_seconds())
    if settings.REDIS_URL:
        others = known_processes(_redis())
        for each in others:
            found = True
            yield _clock(f"The clock of {each.host}, against Redis's,", each.offset)
        hosts = {each.host for each in others}
        if connection.vendor == "sqlite" and len(hosts) > 1:
            yield Finding.problem(
                f"SQLite is shared by the hosts {', '.join(sorted(hosts))}, which corrupts it.",
                "Move to PostgreSQL: DATABASE_URL.",
            )
    if not found:
        yield Finding.ok("One machine, one clock.")


def static_files() -> Iterator[Finding]:
    hashed = getattr(staticfiles_storage, "hashed_files", None)
    if hashed is None:
        yield Finding.note("They are served as they lie in the folder.", "Right with EARSHOT_DEBUG only.")
        return
    missing = [name for name in hashed.values() if not staticfiles_storage.exists(name)]
    if not hashed or missing:
        yield Finding.problem(
            f"{len(missing)} of them are missing." if missing else "They have not been collected.",
            "Run: manage.py collectstatic",
        )
    else:
        yield Finding.ok(f"{len(hashed)} files are collected.")


def disk() -> Iterator[Finding]:
    free = shutil.disk_usage(settings.DATA).free
    says = f"{free / (1 << 30):.1f} GiB are free in {settings.DATA}."
    if free < FREE_BYTES:
        yield Finding.problem(says, "Make room: a full disk stops the database.")
    else:
        yield Finding.ok(says)
    key = Path(settings.DATA) / "secret_key"
    if key.exists() and key.stat().st_mode & 0o077:
        yield Finding.problem("Others may read the secret key.", f"Run: chmod 600 {key}")


def _redis() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, decode_responses=True, socket_timeout=3, socket_connect_timeout=3)


def _processes() -> int:
    """How many there are, as far as is known."""
    if settings.REDIS_URL:
        with suppress(redis.RedisError):  # another check tells
            return max(1, len(known_processes(_redis())))
    return 1


def _connections_allowed() -> int:
    """Without those that are kept for PostgreSQL's own administrators."""
    with connection.cursor() as cursor:
        names = ("max_connections", "superuser_reserved_connections")
        cursor.execute("SELECT current_setting(%s)::int - current_setting(%s)::int", names)
        return int(cursor.fetchone()[0])


def _clock(whose: str, off: float) -> Finding:
    says = f"{whose} is {abs(off):.1f} s {'ahead' if off > 0 else 'behind'}."
    if abs(off) > SKEW_SECONDS:
        return Finding.problem(says, "Run a time service on every machine: systemd-timesyncd or chrony.")
    return Finding.ok(says)


def _version() -> str:
    if connection.vendor == "sqlite":
        return f"SQLite {sqlite3.sqlite_version}"
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        return f"{connection.display_name} {cursor.fetchone()[0]}"


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
