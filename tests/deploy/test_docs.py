"""What the documents tell an operator to type, as far as it can be told without doing it."""

import re
from pathlib import Path

import pytest

from tests.deploy.files import DEPLOY, DEPLOYING, OPERATING
from tests.support.server import ROOT

BACKUP = (ROOT / "docs" / "backup.md").read_text()
(DEBIAN,) = re.findall(r"as root:\n\n```\n(.+?)```", DEPLOYING, re.S)


def test_a_backup_that_the_shell_writes_is_its_owners_alone() -> None:
    """The command's own umask is of no use: the shell has opened the file by then."""
    written = [line for line in BACKUP.splitlines() if re.search(r"backup - > \S", line)]
    assert len(written) == 3
    for line in written:
        assert "umask 077" in line.partition("backup - >")[0], line


@pytest.mark.parametrize("text", [DEPLOYING, BACKUP, (DEPLOY / "systemd" / "earshot.target").read_text()])
def test_who_stops_the_server_processes_waits_until_they_have_stopped(text: str) -> None:
    """The target alone is stopped at once, and its processes some seconds later."""
    stops = re.findall(r"systemctl stop earshot\.target.*", text)
    assert stops
    for stop in stops:
        assert stop.startswith("systemctl stop earshot.target 'earshot@*'"), stop


def test_a_bare_debian_has_what_is_typed_or_it_is_installed_first() -> None:
    (installed,) = re.findall(r"^apt-get install (.+)$", DEBIAN, re.M)
    assert "sudo" not in DEPLOYING + BACKUP + OPERATING
    assert "curl " in DEBIAN.partition("\n")[2] and "curl" in installed.split()
    assert "git " in DEBIAN.partition("\n")[2] and "git" in installed.split()


def test_the_set_up_address_is_looked_for_once_a_process_has_announced_it() -> None:
    assert 0 < DEBIAN.index("/readyz") < DEBIAN.index("grep /setup/")
    assert "up -d --build --wait\ndocker compose logs app | grep /setup/" in DEPLOYING


def test_the_rule_for_the_relay_knows_its_ports() -> None:
    ports = dict(re.findall(r"^(min|max)-port=(\d+)$", Path(DEPLOY / "turnserver.conf").read_text(), re.M))
    (rule,) = re.findall(r"^nft add rule (.+)$", DEPLOYING, re.M)
    between = f"{ports['min']}-{ports['max']}"
    assert f"udp sport {between} udp dport != {between} drop" in rule
