"""deploy/make-env: one command makes an installation's settings, with secrets of its own."""

import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.deploy.files import DEPLOY, settings_of

SECRETS = {"SECRET_KEY", "POSTGRES_PASSWORD", "TURN_SECRET", "EARSHOT_METRICS_TOKEN"}
EXAMPLES = [".env.example", "systemd/earshot.env.example"]


@pytest.fixture(autouse=True)
def routes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """`routes(v4, v6)`: the addresses with which this machine would go out. "" is none, as it begins with."""
    program = tmp_path / "bin" / "ip"
    program.parent.mkdir()
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")

    def set_(v4: str, v6: str) -> None:
        program.write_text(
            "#!/bin/sh\n"
            'case "$*" in *198.51.100.1) own=' + v4 + " ;; *2001:db8::1) own=" + v6 + " ;; esac\n"
            '[ -n "$own" ] || exit 2\n'
            'echo "somewhere via here dev eth0 src $own uid 0 cache"\n'
        )
        program.chmod(0o755)

    set_("", "")
    return set_


def said(file: Path) -> str:
    """What it says that is to be done."""
    command = [DEPLOY / "make-env", DEPLOY / EXAMPLES[0], file, "calls.team.test", "ops@team.test"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def make(example: str, file: Path, domain: str = "calls.team.test", mail: str = "ops@team.test") -> str:
    """What it said where it refused; empty where it did not."""
    done = subprocess.run([DEPLOY / "make-env", DEPLOY / example, file, domain, mail], capture_output=True, text=True)
    return done.stderr if done.returncode else ""


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_domain_is_everywhere_and_each_secret_is_new(example: str, tmp_path: Path) -> None:
    assert make(example, tmp_path / "a") == make(example, tmp_path / "b") == ""
    assert "example.org" not in (tmp_path / "a").read_text()
    a, b = settings_of(tmp_path / "a"), settings_of(tmp_path / "b")
    assert a.keys() == settings_of(DEPLOY / example).keys()
    assert a["DOMAIN"] == "calls.team.test" and a["TLS"] == "ops@team.test"
    drawn = SECRETS & a.keys()
    assert len(drawn) >= 3
    for name in drawn:
        assert len(a[name]) == 43 and a[name].isascii() and a[name] != b[name]
    assert len({a[name] for name in drawn}) == len(drawn)
    assert {name for name in a if a[name] != b[name]} == drawn


class TestTheRelaysAddresses:
    @pytest.mark.parametrize("example", EXAMPLES)
    def test_are_those_by_which_the_machine_reaches_others(
        self, routes: Callable[[str, str], None], example: str, tmp_path: Path
    ) -> None:
        routes("192.31.196.10", "2606:4700:77::10")
        make(example, tmp_path / "a")
        assert settings_of(tmp_path / "a")["TURN_RELAY_IP"] == "192.31.196.10 2606:4700:77::10"

    def test_that_are_private_need_the_public_one_beside_them(
        self, routes: Callable[[str, str], None], tmp_path: Path
    ) -> None:
        routes("10.0.0.5", "fd00::5")
        assert "TURN_EXTERNAL_IP to\nPUBLIC/10.0.0.5" in said(tmp_path / "a")
        assert settings_of(tmp_path / "a")["TURN_RELAY_IP"] == "10.0.0.5"

    def test_that_are_not_found_are_asked_for(self, tmp_path: Path) -> None:
        assert "TURN_RELAY_IP is yours to fill in" in said(tmp_path / "a")
        assert settings_of(tmp_path / "a")["TURN_RELAY_IP"] == ""


def test_it_is_its_owners_alone(tmp_path: Path) -> None:
    make(EXAMPLES[0], tmp_path / "a")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600


def test_what_is_in_use_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("SECRET_KEY=in use")
    assert "exists" in make(EXAMPLES[0], tmp_path / "a")
    assert (tmp_path / "a").read_text() == "SECRET_KEY=in use"


@pytest.mark.parametrize("domain", ["https://calls.team.test", "calls.team.test/x", "a b", "a;b", "a$b"])
def test_what_is_no_domain_is_refused(domain: str, tmp_path: Path) -> None:
    assert "plain domain" in make(EXAMPLES[0], tmp_path / "a", domain)
    assert not (tmp_path / "a").exists()
