"""Wrong settings get a sentence that names the setting, the value and what it must be."""

import stat
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import env


class TestSeconds:
    def test_reads_a_number_or_the_default(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("EARSHOT_CALL_RING_SECONDS", "2.5")
        assert env.seconds("CALL_RING_SECONDS", 60) == 2.5
        assert env.seconds("SOMETHING_ELSE", 60) == 60
        assert env.seconds_or_none("CALL_RING_SECONDS") == 2.5
        assert env.seconds_or_none("SOMETHING_ELSE") is None

    @pytest.mark.parametrize("text", ["soon", "0", "-1", "nan", "inf"])
    def test_refuses_what_is_no_duration(self, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
        monkeypatch.setenv("EARSHOT_CALL_RING_SECONDS", text)
        with pytest.raises(ImproperlyConfigured, match=rf"EARSHOT_CALL_RING_SECONDS is '{text}'.*seconds above 0"):
            env.seconds("CALL_RING_SECONDS", 60)


def test_a_choice_names_its_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARSHOT_SIGN_UP", "maybe")
    with pytest.raises(ImproperlyConfigured, match="'maybe'; it must be one of open, closed"):
        env.choice("EARSHOT_SIGN_UP", ("open", "closed"), "open")


class TestOrigins:
    @pytest.mark.parametrize(
        "text", ["calls.example.org", "https://", "https://a.org/", "https://a.org/path", "ftp://a.org", "*"]
    )
    def test_refuses_what_is_no_origin(self, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
        monkeypatch.setenv("EARSHOT_ORIGINS", text)
        with pytest.raises(ImproperlyConfigured, match="an origin is like"):
            env.origins("EARSHOT_ORIGINS", "")

    def test_hosts_follow_from_origins(self) -> None:
        assert env.hosts_of(["https://a.org", "http://a.org:8000", "http://[::1]:8000"]) == ["[::1]", "a.org"]


class TestSecretKey:
    def test_is_made_once_and_readable_by_its_owner_alone(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.delenv("SECRET_KEY", raising=False)
        made = env.secret_key(tmp_path)
        assert len(made) >= 64
        assert env.secret_key(tmp_path) == made
        assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600

    def test_the_environment_comes_first(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("SECRET_KEY", "from outside")
        assert env.secret_key(tmp_path) == "from outside"
        assert not list(tmp_path.iterdir())
