"""Processes that start together bring the database and the static files up to date once, and none fails of it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.postgres import postgres
from tests.support.server import ROOT

pytestmark = pytest.mark.slow

BOTH = ["Bringing the database up to date", "Collecting static files"]


@pytest.fixture
def database() -> Iterator[str]:
    with postgres() as url:
        yield url


def prepare_together(folders: Sequence[Path], **environment: str) -> list[str]:
    """Start one process for each of these data folders at once; what each said."""
    inherited = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    processes = [
        subprocess.Popen(
            [sys.executable, "manage.py", "prepare"],
            cwd=ROOT,
            env=inherited | environment | {"EARSHOT_DATA": str(folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for folder in folders
    ]
    said = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * len(folders), said
    return said


def test_in_one_folder_one_of_three_does_it_all(tmp_path: Path) -> None:
    said = prepare_together([tmp_path] * 3)
    assert [sum(step in each for each in said) for step in BOTH] == [1, 1]
    assert prepare_together([tmp_path]) == [""]


def test_in_folders_of_their_own_one_of_three_migrates_the_database_they_share(database: str, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("a", "b", "c")]
    said = prepare_together(folders, DATABASE_URL=database)
    assert [sum(step in each for each in said) for step in BOTH] == [1, 3]


class TestStaticFiles:
    def collect(self, folder: Path, **environment: str) -> dict[str, str]:
        """Collect them into a folder that has one of the version before; what each is called now."""
        (folder / "static").mkdir()
        (folder / "static" / "before.0123456789ab.js").write_text("// of the version before")
        prepare_together([folder], **environment)
        return dict(json.loads((folder / "static" / "staticfiles.json").read_text())["paths"])

    def test_of_the_version_before_stay_while_other_processes_may_serve_it(self, tmp_path: Path) -> None:
        paths = self.collect(tmp_path, REDIS_URL="redis://127.0.0.1:1/0")
        assert (tmp_path / "static" / "before.0123456789ab.js").exists()
        assert (tmp_path / "static" / paths["js/app.js"]).exists()

    def test_of_the_version_before_go_when_there_is_one_process(self, tmp_path: Path) -> None:
        self.collect(tmp_path)
        assert not (tmp_path / "static" / "before.0123456789ab.js").exists()

    def test_that_are_gone_are_collected_again(self, tmp_path: Path) -> None:
        self.collect(tmp_path)
        (tmp_path / "static" / "staticfiles.json").unlink()
        assert BOTH[1] in prepare_together([tmp_path])[0]
