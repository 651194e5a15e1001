"""The units of deploy/systemd/, as systemd itself reads them."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from config.server import REQUESTS_SECONDS
from tests.deploy.files import DEPLOY
from tests.support.server import ROOT

UNITS = DEPLOY / "systemd"
SERVICES = ["earshot@.service", "earshot-relay.service"]
# Of ten; systemd calls 0 to 2.4 "OK" and an ordinary service, at 9.2, "UNSAFE".
EXPOSURE_MAX = 2

analyze = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="this machine has no systemd")


def lines(unit: str, name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", (UNITS / unit).read_text(), re.M)


@analyze
def test_systemd_finds_nothing_wrong_with_them(tmp_path: Path) -> None:
    units = {"earshot@8001.service": "earshot@.service", "caddy.service.d/earshot.conf": "caddy.conf"}
    units |= {name: name for name in ("earshot-relay.service", "earshot.target")}
    (tmp_path / "caddy.service.d").mkdir()
    for name, file in units.items():
        (tmp_path / name).write_text((UNITS / file).read_text().replace("/opt/earshot", str(ROOT)))
    named = [name for name in units if "/" not in name] + ["caddy.service"]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=one", *named],
        env=os.environ | {"SYSTEMD_UNIT_PATH": f"{tmp_path}:"},  # and after it, where Debian has its own
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")


@analyze
@pytest.mark.parametrize("unit", SERVICES)
def test_their_processes_can_do_little(unit: str) -> None:
    limit = ["--offline=yes", f"--threshold={EXPOSURE_MAX * 10}"]
    done = subprocess.run(["systemd-analyze", "security", *limit, UNITS / unit], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("unit", SERVICES)
def test_what_ends_starts_again_and_never_gives_up(unit: str) -> None:
    assert lines(unit, "Restart") == ["always"]
    assert lines(unit, "StartLimitIntervalSec") == ["0"]
    assert lines(unit, "User") not in ([], ["root"])


def test_a_process_has_the_time_that_a_gentle_stop_takes() -> None:
    assert int(lines(SERVICES[0], "TimeoutStopSec")[0]) > 10 > REQUESTS_SECONDS


def test_what_the_units_name_is_there() -> None:
    named = {path for unit in UNITS.iterdir() for path in re.findall(r"/opt/earshot/([\w./-]+)", unit.read_text())}
    assert len(named) > 3
    for path in named:
        assert (ROOT / path).exists(), path


def test_each_unit_forgets_the_secrets_that_are_not_its_own() -> None:
    secrets = {"SECRET_KEY", "DATABASE_URL", "EMAIL_URL", "EARSHOT_METRICS_TOKEN"}
    assert set(lines("earshot-relay.service", "UnsetEnvironment")[0].split()) == secrets
    assert set(lines("caddy.conf", "UnsetEnvironment")[0].split()) == secrets | {"TURN_SECRET"}
