"""A copy of the whole database in a file, and back, with what each database has for it.

Both copies are of one moment, and are made beside running servers. Loading one happens whole or not at all.
"""

import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import psycopg
from django.db import connection
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

CONNECTION_OPTIONS = {"sslmode", "sslrootcert", "sslcert", "sslkey"}


class Failed(Exception):
    """The database did not do it; `str()` is what it said."""


def save(file: Path) -> None:
    if connection.vendor == "postgresql":
        _run("pg_dump", "--no-owner", "--no-privileges", f"--file={file}")
    else:
        connection.ensure_connection()
        with closing(sqlite3.connect(file)) as copy:
            connection.connection.backup(copy)


def load(file: Path) -> None:
    """Replace all there is by what the file has."""
    if connection.vendor == "postgresql":
        _load_postgres(file)
    else:
        _load_sqlite(file)
    connection.close()


def others_connected() -> int:
    """How many connections others have to a PostgreSQL database as our user; SQLite does not tell: 0."""
    if connection.vendor != "postgresql":
        return 0
    _let_go()
    with psycopg.connect(_conninfo(), password=_password()) as alone:
        row = alone.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()"
        ).fetchone()
    return int(row[0]) if row else 0


def _load_sqlite(file: Path) -> None:
    connection.ensure_connection()
    try:
        with closing(sqlite3.connect(file)) as copy:
            copy.backup(connection.connection)
    except sqlite3.DatabaseError as error:
        raise Failed(f"SQLite: {error}.") from None


def _load_postgres(file: Path) -> None:
    tables = connection.introspection.table_names()
    _let_go()
    clear = file.with_name("clear.sql")
    with psycopg.connect(_conninfo(), password=_password()) as quoting:
        drops = [SQL("DROP TABLE {} CASCADE;\n").format(Identifier(table)).as_string(quoting) for table in tables]
    clear.write_text("".join(drops))
    whole = ("--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", "--output=/dev/null")
    _run("psql", *whole, f"--file={clear}", f"--file={file}")


def _run(program: str, *arguments: str) -> None:
    environment = {**os.environ, "PGPASSWORD": _password(), "PGOPTIONS": "--client-min-messages=warning"}
    try:
        done = subprocess.run(
            [program, f"--dbname={_conninfo()}", *arguments], env=environment, capture_output=True, text=True
        )
    except FileNotFoundError:
        raise Failed(f"{program} is not here. Install postgresql-client, as new as the server or newer.") from None
    if done.returncode:
        raise Failed(f"{program}: {done.stderr.strip()}")


def _let_go() -> None:
    """Close what Django's pool holds."""
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]


def _conninfo() -> str:
    """Where the database is, without the password: arguments can be read by everybody on the machine."""
    database = connection.settings_dict
    where = {"dbname": database["NAME"], "user": database["USER"], "host": database["HOST"], "port": database["PORT"]}
    where |= {name: value for name, value in database["OPTIONS"].items() if name in CONNECTION_OPTIONS}
    return make_conninfo(**{name: value for name, value in where.items() if value})


def _password() -> str:
    return str(connection.settings_dict["PASSWORD"])
