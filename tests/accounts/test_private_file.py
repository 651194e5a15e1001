"""The server's key and the set-up token: made once, whole, whoever else starts in the same moment."""

import stat
import sys
from pathlib import Path
from typing import Any

from accounts.private_file import made_once

TEXT = "a secret"


def test_it_is_made_once_and_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "key"
    assert made_once(file, lambda: TEXT) == made_once(file, lambda: "another") == TEXT
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_at_no_moment_is_it_there_and_not_whole(tmp_path: Path) -> None:
    """Looked at before every line that runs, Python's own included, as another process might."""
    file, seen = tmp_path / "key", set()

    def look(*_: Any) -> Any:
        if file.exists():
            seen.add(file.read_text())
        return look

    before = sys.gettrace()
    sys.settrace(look)
    try:
        made_once(file, lambda: TEXT)
    finally:
        sys.settrace(before)
    assert seen == {TEXT}


def test_who_comes_second_has_what_the_first_made(tmp_path: Path) -> None:
    file = tmp_path / "key"

    def make_while_another_does() -> str:
        made_once(file, lambda: TEXT)
        return "too late"

    assert made_once(file, make_while_another_does) == TEXT
    assert list(tmp_path.iterdir()) == [file]
