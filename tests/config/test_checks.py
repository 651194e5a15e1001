"""Settings that cannot work together are refused before anything starts."""

from typing import Any

import pytest

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
