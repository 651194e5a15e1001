"""Settings that cannot work together are refused before anything starts."""

from pathlib import Path
from typing import Any

import pytest

from config.alone import file_system_of
from config.checks import check_settings


def ids() -> list[str | None]:
    return [found.id for found in check_settings()]


def test_the_defaults_are_well() -> None:
    assert ids() == []


@pytest.mark.parametrize(
    ("wrong", "id_"),
    [
        ({"TURN_URLS": ["turn:relay.example.org"], "TURN_SECRET": ""}, "earshot.E002"),
        ({"LEG_LEASE_SECONDS": 4, "STEWARD_TICK_SECONDS": 2}, "earshot.E003"),
        ({"CALLER_LEASE_SECONDS": 4, "STEWARD_TICK_SECONDS": 2}, "earshot.E003"),
        ({"EARSHOT_ORIGINS": ["http://calls.example.org"]}, "earshot.W001"),
    ],
)
def test_what_cannot_work_is_named(settings: Any, wrong: dict[str, Any], id_: str) -> None:
    for name, value in wrong.items():
        setattr(settings, name, value)
    assert ids() == [id_]


def test_several_processes_need_redis(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", "2")
    settings.REDIS_URL = ""
    assert ids() == ["earshot.E001"]
    settings.REDIS_URL = "redis://127.0.0.1"
    assert ids() == []


@pytest.mark.parametrize("origin", ["http://localhost:8000", "http://127.0.0.1", "http://[::1]:8000", "https://a.org"])
def test_secure_contexts_get_no_warning(settings: Any, origin: str) -> None:
    settings.EARSHOT_ORIGINS = [origin]
    assert ids() == []


def test_sqlite_on_a_network_file_system_is_refused(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(settings.DATABASES, "default", {"ENGINE": "django.db.backends.sqlite3", "NAME": "/srv/db"})
    monkeypatch.setattr("config.checks.file_system_of", lambda path: "nfs4")
    assert ids() == ["earshot.E004"]
    settings.DATABASES["default"]["ENGINE"] = "django.db.backends.postgresql"
    assert ids() == []


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/ana/earshot", "ext4"),
        ("/srv/earshot/var/db.sqlite3", "nfs4"),
        ("/srv/earshot/var/local/db.sqlite3", "xfs"),
        ("/srv/earshots", "ext4"),
        ("/mnt/two words/db", "cifs"),
    ],
)
def test_the_deepest_mount_says_what_a_file_is_on(tmp_path: Path, path: str, kind: str) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "/dev/vda / ext4 rw 0 0\nproc /proc proc rw 0 0\nnas:/e /srv/earshot/var nfs4 rw 0 0\n"
        "/dev/vdb /srv/earshot/var/local xfs rw 0 0\n//nas/w /mnt/two\\040words cifs rw 0 0\n"
    )
    assert file_system_of(Path(path), mounts) == kind


def test_where_the_kernel_does_not_tell_nothing_is_refused(tmp_path: Path) -> None:
    assert file_system_of(Path("/srv"), tmp_path / "none") == ""
