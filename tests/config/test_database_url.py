"""What DATABASE_URL says beside where the database is, the connections keep to."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.postgres import postgres
from tests.support.server import ROOT


@pytest.mark.slow
def test_a_database_that_must_be_reached_by_tls_is_not_reached_without(tmp_path: Path) -> None:
    with postgres() as url:  # it has no certificate
        for mode, reached in (("prefer", True), ("require", False)):
            environment = os.environ | {"DATABASE_URL": f"{url}?sslmode={mode}", "EARSHOT_DATA": str(tmp_path)}
            command = [sys.executable, "manage.py", "showmigrations", "calls"]
            done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
            assert (done.returncode == 0) is reached, done.stderr
