"""A real PostgreSQL of the tests' own: `python -m tests.support.postgres COMMAND …` runs a command on it."""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from .server import free_port
from .wait import until


@contextmanager
def postgres() -> Iterator[str]:
    """A fresh cluster on a free port of the loopback; yields the URL of its empty database."""
    binaries = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    folder = Path(tempfile.mkdtemp(prefix="earshot-postgres-"))
    data, port = folder / "data", free_port()
    url = f"postgres://earshot:earshot@127.0.0.1:{port}/postgres"
    user = _somebody_else(folder)
    secret = folder / "password"
    secret.write_text("earshot")
    initdb = [f"{binaries}/initdb", "-D", str(data), "-U", "earshot", "-A", "scram-sha-256", "--no-sync"]
    subprocess.run([*initdb, f"--pwfile={secret}"], check=True, stdout=subprocess.DEVNULL, user=user, cwd=folder)
    # What is lost in a power cut does not matter here; what is tested is who may commit.
    command = [f"{binaries}/postgres", "-D", str(data), "-p", str(port), "-k", str(folder)]
    command += ["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
    log = (folder / "log").open("wb")
    server = subprocess.Popen(command, stderr=log, user=user, cwd=folder)
    try:
        until(lambda: server.poll() is not None or _answers(url), "PostgreSQL")
        if server.poll() is not None:
            raise AssertionError(f"PostgreSQL did not start:\n{(folder / 'log').read_text()}")
        yield url
    finally:
        server.terminate()
        server.wait(20)
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


def _somebody_else(folder: Path) -> str | None:
    """PostgreSQL refuses to run as root: then it runs as the user of its package, to whom the folder is given."""
    if os.geteuid() != 0:
        return None
    account = pwd.getpwnam("postgres")
    os.chown(folder, account.pw_uid, account.pw_gid)
    return account.pw_name


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=1).close()
    except psycopg.OperationalError:
        return False
    return True


if __name__ == "__main__":
    with postgres() as address:
        sys.exit(subprocess.call(sys.argv[1:], env={**os.environ, "DATABASE_URL": address}))
