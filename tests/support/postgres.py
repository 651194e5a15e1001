"""A real PostgreSQL of the tests' own: `python -m tests.support.postgres COMMAND …` runs a command on it."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from .programs import program
from .server import free_port
from .wait import until


class Postgres:
    """A fresh cluster on a free port of the loopback. A test may `stop` it, or let it `crash`, and `start` it again."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"postgres://earshot:earshot@127.0.0.1:{self.port}/postgres"
        program("postgres")
        self._binaries = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
        self._folder = Path(tempfile.mkdtemp(prefix="earshot-postgres-"))
        self._user = _somebody_else(self._folder)
        self._process: subprocess.Popen[bytes] | None = None
        secret = self._folder / "password"
        secret.write_text("earshot")
        initdb = [f"{self._binaries}/initdb", "-D", str(self._data), "-U", "earshot", "-A", "scram-sha-256"]
        if self._run([*initdb, "--no-sync", f"--pwfile={secret}"]).wait():
            raise AssertionError(f"PostgreSQL made no cluster:\n{self._log.read_text()}")

    def start(self) -> "Postgres":
        # What is lost in a power cut does not matter here; what is tested is who may commit.
        command = [f"{self._binaries}/postgres", "-D", str(self._data), "-p", str(self.port), "-k", str(self._folder)]
        command += ["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
        process = self._process = self._run(command)
        until(lambda: process.poll() is not None or self._answers(), "PostgreSQL")
        if process.poll() is not None:
            raise AssertionError(f"PostgreSQL did not start:\n{self._log.read_text()}")
        return self

    def stop(self) -> None:
        """Whoever is connected is cut off; what goes on is rolled back."""
        self._end(signal.SIGINT)

    def crash(self) -> None:
        """Nothing is put away; the next start recovers what was committed."""
        self._end(signal.SIGQUIT)

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    @property
    def _log(self) -> Path:
        return self._folder / "log"

    def _run(self, command: list[str]) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, user=self._user, cwd=self._folder)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(20)
            self._process = None

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=1).close()
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def postgres() -> Iterator[str]:
    """A cluster while it is needed; yields the URL of its empty database."""
    cluster = Postgres()
    try:
        yield cluster.start().url
    finally:
        cluster.remove()


@contextmanager
def frozen(url: str) -> Iterator[None]:
    """The cluster of this database neither answers nor refuses: all its processes are stopped until afterwards."""
    with psycopg.connect(url) as asking:
        (file,) = asking.execute("SELECT pg_read_file('postmaster.pid')").fetchone() or ("",)
    postmaster = int(file.split()[0])
    os.kill(postmaster, signal.SIGSTOP)  # first, so that it starts no more
    stopped = [postmaster, *map(int, Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split())]
    try:
        for pid in stopped[1:]:
            with suppress(ProcessLookupError):  # it has ended since: a vacuum
                os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in stopped:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def _somebody_else(folder: Path) -> str | None:
    """PostgreSQL refuses to run as root: then it runs as the user of its package, to whom the folder is given."""
    if os.geteuid() != 0:
        return None
    account = pwd.getpwnam("postgres")
    os.chown(folder, account.pw_uid, account.pw_gid)
    return account.pw_name


if __name__ == "__main__":
    with postgres() as address:
        sys.exit(subprocess.call(sys.argv[1:], env={**os.environ, "DATABASE_URL": address}))
