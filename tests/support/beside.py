"""`python -m tests.support.beside serve …`: `manage.py serve` beside others of one PostgreSQL, without Redis."""

import os
import sys

from django.core.management import execute_from_command_line

from config import alone

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    alone.hold_database = lambda: None
    execute_from_command_line(sys.argv)
