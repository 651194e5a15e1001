"""What is backed up beside a running server comes back: people, calls, links and sessions. On both databases."""

import json
import os
import secrets
import shutil
import sqlite3
import stat
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from calls.core.vocabulary import LinkState
from tests.support.pages import get
from tests.support.postgres import postgres
from tests.support.server import ROOT, Server
from tests.support.visitor import Visitor

pytestmark = pytest.mark.slow

PASSWORD = "correct horse battery staple"
# What an installation would miss, and how to tell that it is there.
FILL = f"""
import json
from django.core.management import call_command
from accounts.models import User
from calls import links
from calls.link_secret import secret_of
from tests.support.people import session_of
ana = User.objects.create_user("ana", "ana@example.org", {PASSWORD!r}, name="Ana")
User.objects.create_superuser("boss", "boss@example.org", {PASSWORD!r})
call_command("generate_calls", "40", verbosity=0)
print(json.dumps({{"session": session_of(ana), "secret": secret_of(links.make(ana, title="Interview").number)}}))
"""
COUNT = """
import json
from accounts.models import User
from calls.models import Call, JournalEntry, Link
print(json.dumps([model.objects.count() for model in (User, Call, JournalEntry, Link)]))
"""
ZOE = "from accounts.models import User; User.objects.create_user('zoe', 'zoe@example.org')"


class Installation:
    """A data folder and a database of its own."""

    def __init__(self, folder: Path, database: str) -> None:
        self.data, self.database = folder, database
        self.environment = {"EARSHOT_DATA": str(folder), "DATABASE_URL": database, "SECRET_KEY": ""}
        self.environment |= {"REDIS_URL": "", "SECRET_KEY_FALLBACKS": ""}

    def server(self) -> Server:
        return Server(**self.environment).start()

    def run(self, *arguments: str, **more: str) -> str:
        """What a command of manage.py says; asserts that it does its work."""
        done = self.try_(*arguments, **more)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    def refuses(self, *arguments: str, **more: str) -> str:
        done = self.try_(*arguments, **more)
        assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
        return done.stderr

    def try_(self, *arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
        environment = os.environ | self.environment | more
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)

    def ask(self, script: str) -> Any:
        """What a script prints as JSON."""
        return json.loads(self.run("shell", "-v0", "-c", script).splitlines()[-1])

    def lose_everything(self) -> None:
        for file in self.data.iterdir():
            if file.is_file():
                file.unlink()
        if self.database:
            with psycopg.connect(self.database, autocommit=True) as connection:
                connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    with postgres() as url:
        yield url


@pytest.fixture
def database(cluster: str) -> Iterator[str]:
    """The URL of an empty PostgreSQL database."""
    name = f"backup_{secrets.token_hex(4)}"
    with psycopg.connect(cluster, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
    yield cluster.rpartition("/")[0] + f"/{name}"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A data folder with people, calls and a link in SQLite, and what opens them."""
    data = tmp_path_factory.mktemp("filled")
    installation = Installation(data, "")
    installation.run("prepare")
    return data, installation.ask(FILL)


@pytest.fixture
def on_sqlite(filled: tuple[Path, Any], tmp_path: Path) -> Installation:
    return Installation(Path(shutil.copytree(filled[0], tmp_path / "data")), "")


@pytest.fixture(params=["sqlite", "postgresql"])
def used(request: pytest.FixtureRequest, filled: tuple[Path, Any], tmp_path: Path) -> SimpleNamespace:
    """An installation with people, calls and a link, and what opens them."""
    if request.param == "sqlite":
        here, opens = request.getfixturevalue("on_sqlite"), filled[1]
    else:
        here = Installation(tmp_path / "data", request.getfixturevalue("database"))
        here.run("prepare")
        opens = here.ask(FILL)
    return SimpleNamespace(here=here, **opens, counts=here.ask(COUNT))


@pytest.fixture
def serving() -> Iterator[Callable[[Installation], Server]]:
    """`serving(installation)`: a server of it, until the test ends."""
    servers: list[Server] = []

    def make(installation: Installation) -> Server:
        servers.append(installation.server())
        return servers[-1]

    yield make
    for server in servers:
        server.kill()


Serving = Callable[[Installation], Server]


def test_people_calls_links_and_sessions_come_back(used: SimpleNamespace, tmp_path: Path, serving: Serving) -> None:
    here, file = used.here, tmp_path / "backup.tar.gz"
    before = serving(here)
    said = here.run("backup", str(file))
    assert f"{used.counts[0]} people, 40 calls" in said
    before.kill()
    here.lose_everything()

    here.run("restore", str(file))

    assert here.ask(COUNT) == used.counts
    server = serving(here)
    assert 'id="telephone"' in get(server, "/", used.session)[2], "Ana is signed in"
    assert get(server, "/calls/", used.session)[0] == 200
    assert Visitor(server).look(used.secret)[1]["state"] == LinkState.OPEN
    assert 'id="telephone"' in Visitor(server).sign_in("ana", PASSWORD)[2]


def test_what_came_after_the_backup_goes_when_it_is_told_to(used: SimpleNamespace, tmp_path: Path) -> None:
    here, file = used.here, tmp_path / "backup.tar.gz"
    here.run("backup", str(file))
    here.run("shell", "-v0", "-c", ZOE)
    assert "--overwrite" in here.refuses("restore", str(file))
    assert here.ask(COUNT)[0] == used.counts[0] + 1

    here.run("restore", str(file), "--overwrite")
    assert here.ask(COUNT) == used.counts


def test_a_running_server_is_not_restored_under(used: SimpleNamespace, tmp_path: Path, serving: Serving) -> None:
    here, file = used.here, tmp_path / "backup.tar.gz"
    here.run("backup", str(file))
    serving(here)
    assert "Stop all server processes" in here.refuses("restore", str(file), "--overwrite")


def test_one_that_fails_half_way_changes_nothing(used: SimpleNamespace, tmp_path: Path) -> None:
    """As when the disk fills up: here the backup's database ends in the middle."""
    here, whole = used.here, tmp_path / "backup.tar.gz"
    here.run("backup", str(whole))
    here.run("shell", "-v0", "-c", ZOE)
    with tarfile.open(whole) as tar:
        tar.extractall(tmp_path / "members")
    database = tmp_path / "members" / "database"
    os.truncate(database, database.stat().st_size // 2)
    with tarfile.open(tmp_path / "half.tar.gz", "w:gz") as tar:
        for member in (tmp_path / "members").iterdir():
            tar.add(member, member.name)
    assert "Nothing was changed" in here.refuses("restore", str(tmp_path / "half.tar.gz"), "--overwrite")
    assert here.ask(COUNT) == [used.counts[0] + 1, *used.counts[1:]]


def test_processes_of_other_machines_are_seen_in_postgresql(database: str, tmp_path: Path, serving: Serving) -> None:
    here, elsewhere = (Installation(tmp_path / name, database) for name in ("here", "elsewhere"))
    here.run("prepare")
    here.run("backup", str(tmp_path / "a"))
    server = serving(elsewhere)
    assert "Others are connected" in here.refuses("restore", str(tmp_path / "a"))
    server.kill()
    here.run("restore", str(tmp_path / "a"))


class TestTheFile:
    def test_is_its_owners_alone_and_has_no_more_than_it_says(self, on_sqlite: Installation, tmp_path: Path) -> None:
        on_sqlite.run("backup", str(tmp_path / "a"), SECRET_KEY_FALLBACKS="old,older")
        assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600
        with tarfile.open(tmp_path / "a") as tar:
            assert tar.getnames() == ["about.json", "database", "secret_keys"]
            keys = tar.extractfile("secret_keys")
            assert keys and keys.read().decode().split("\n") == [
                (on_sqlite.data / "secret_key").read_text(),
                *("old", "older"),
            ]

    def test_is_not_written_over_another(self, on_sqlite: Installation, tmp_path: Path) -> None:
        (tmp_path / "a").write_text("yesterday's")
        assert "exists" in on_sqlite.refuses("backup", str(tmp_path / "a"))
        assert (tmp_path / "a").read_text() == "yesterday's"

    def test_goes_through_pipes(self, on_sqlite: Installation, tmp_path: Path) -> None:
        counts = on_sqlite.ask(COUNT)
        environment = os.environ | on_sqlite.environment
        command = [sys.executable, "manage.py"]
        piped = subprocess.run([*command, "backup", "-"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True)
        on_sqlite.lose_everything()
        subprocess.run([*command, "restore", "-"], cwd=ROOT, env=environment, input=piped.stdout, check=True)
        assert on_sqlite.ask(COUNT) == counts

    @pytest.mark.parametrize("content", [b"", b"no backup at all", b"\x1f\x8b\x08\x00 cut off"])
    def test_that_is_none_gets_a_sentence(self, on_sqlite: Installation, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "a").write_bytes(content)
        assert "no backup of Earshot" in on_sqlite.refuses("restore", str(tmp_path / "a"))

    def test_that_is_not_there_gets_a_sentence(self, on_sqlite: Installation, tmp_path: Path) -> None:
        assert "cannot be read" in on_sqlite.refuses("restore", str(tmp_path / "nothing"))


class TestVersions:
    def test_an_older_one_is_brought_up_to_date(self, on_sqlite: Installation, tmp_path: Path) -> None:
        on_sqlite.run("migrate", "sessions", "zero", "-v0")
        on_sqlite.run("backup", str(tmp_path / "old"))
        on_sqlite.lose_everything()
        assert "Bringing the database up to date" in on_sqlite.run("restore", str(tmp_path / "old"))
        assert "[ ]" not in on_sqlite.run("showmigrations")

    def test_a_newer_one_is_refused_by_name(self, on_sqlite: Installation, tmp_path: Path) -> None:
        with sqlite3.connect(on_sqlite.data / "db.sqlite3") as database:
            database.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('calls', '9999_new', 0)")
        on_sqlite.run("backup", str(tmp_path / "new"))
        assert "calls.9999_new" in on_sqlite.refuses("restore", str(tmp_path / "new"))

    def test_one_of_the_other_database_is_refused(self, on_sqlite: Installation, database: str, tmp_path: Path) -> None:
        on_sqlite.run("backup", str(tmp_path / "a"))
        assert "a backup of sqlite" in Installation(tmp_path / "other", database).refuses(
            "restore", str(tmp_path / "a")
        )


class TestKeys:
    def test_of_the_environment_stay_and_one_is_told_which_are_missing(
        self, on_sqlite: Installation, tmp_path: Path
    ) -> None:
        on_sqlite.run("backup", str(tmp_path / "a"), SECRET_KEY="then")
        on_sqlite.lose_everything()
        assert "SECRET_KEY_FALLBACKS" in on_sqlite.run("restore", str(tmp_path / "a"), SECRET_KEY="now")
        assert not (on_sqlite.data / "secret_key").exists()
        keys = {"SECRET_KEY": "now", "SECRET_KEY_FALLBACKS": "then"}
        assert "SECRET_KEY_FALLBACKS" not in on_sqlite.run("restore", str(tmp_path / "a"), "--overwrite", **keys)

    def test_that_come_back_are_their_owners_alone(self, on_sqlite: Installation, tmp_path: Path) -> None:
        key = (on_sqlite.data / "secret_key").read_text()
        on_sqlite.run("backup", str(tmp_path / "a"))
        on_sqlite.lose_everything()
        on_sqlite.run("restore", str(tmp_path / "a"))
        assert (on_sqlite.data / "secret_key").read_text() == key
        assert stat.S_IMODE((on_sqlite.data / "secret_key").stat().st_mode) == 0o600
