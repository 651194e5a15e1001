"""The file of a backup: a compressed tar of what it is about, the database, and the secret keys.

about.json    what made it, when, and which migrations its database has
database      SQLite's file, or PostgreSQL's dump as SQL
secret_keys   SECRET_KEY, and below it each of SECRET_KEY_FALLBACKS
"""

import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

import msgspec

FORMAT = 1
MEMBERS = ("about.json", "database", "secret_keys")


class Unreadable(Exception):
    """This is no backup, or one of another version; `str()` says which."""


class About(msgspec.Struct, frozen=True):
    format: int
    made_at: str
    database: str  # Django's name for its kind
    migrations: list[tuple[str, str]]
    people: int
    calls: int


@dataclass(frozen=True, slots=True)
class Backup:
    about: About
    database: Path
    secret_keys: list[str]


def write(out: IO[bytes], backup: Backup, folder: Path) -> None:
    """`folder` is somewhere to put the small members until they are in."""
    about, keys = folder / "about.json", folder / "secret_keys"
    about.write_bytes(msgspec.json.encode(backup.about))
    keys.write_text("\n".join(backup.secret_keys))
    with tarfile.open(fileobj=out, mode="w|gz") as tar:
        for name, file in zip(MEMBERS, (about, backup.database, keys), strict=True):
            tar.add(file, name)


@contextmanager
def read(source: IO[bytes]) -> Iterator[Backup]:
    """What the file has; its database lies in a folder that is gone afterwards. Raises `Unreadable`."""
    with TemporaryDirectory(prefix="earshot-restore-") as name:
        folder = Path(name)
        try:
            with tarfile.open(fileobj=source, mode="r|gz") as tar:
                for member in tar:
                    if member.name in MEMBERS and (content := tar.extractfile(member)):
                        with (folder / member.name).open("wb") as file:
                            shutil.copyfileobj(content, file)
            about = msgspec.json.decode((folder / "about.json").read_bytes(), type=About)
            keys = (folder / "secret_keys").read_text().split("\n")
        except (tarfile.TarError, EOFError, OSError, msgspec.DecodeError) as error:
            raise Unreadable(f"It is no backup of Earshot, or is damaged: {error}") from None
        if about.format != FORMAT or not (folder / "database").is_file():
            raise Unreadable("It was made by another version of Earshot, whose backups this one cannot read.")
        yield Backup(about, folder / "database", keys)
