"""A text that is made once and kept in a file of its owner's alone: a key, a token."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile


def made_once(file: Path, make: Callable[[], str]) -> str:
    """What the file says, made by `make` if there is none. Of processes that start at once all get the same.

    It comes into being whole: under its own name it is never there and empty, for somebody would read it just then.
    """
    if not file.exists():
        with NamedTemporaryFile("w", dir=file.parent, prefix=f"{file.name}.") as new:
            new.write(make())
            new.flush()
            with suppress(FileExistsError):  # another process was first
                os.link(new.name, file)
    return file.read_text()
