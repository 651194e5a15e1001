"""deploy/make-env: one command makes an installation's settings, with secrets of its own."""

import stat
import subprocess
from pathlib import Path

import pytest

from tests.deploy.files import DEPLOY, settings_of

SECRETS = {"SECRET_KEY", "POSTGRES_PASSWORD", "TURN_SECRET", "EARSHOT_METRICS_TOKEN"}
EXAMPLES = [".env.example", "systemd/earshot.env.example"]


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
