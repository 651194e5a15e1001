"""An installation of its own for a command: a data folder, a database brought up to date, Django set up.

Nothing that needs Django may be imported before it is entered.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import django
from django.core.management import call_command


@contextmanager
def installation() -> Iterator[None]:
    with tempfile.TemporaryDirectory(prefix="earshot-crowd-") as folder:
        os.environ |= {"DJANGO_SETTINGS_MODULE": "config.settings", "EARSHOT_DATA": folder}
        django.setup()
        call_command("migrate", verbosity=0)
        yield
