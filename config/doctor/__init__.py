"""Looks whether an installation can work, part by part, and says what to do where it cannot.

`manage.py doctor` and the admin's page of the same name run the same checks. Each asks the real thing: the database,
Redis, the mail server, the relay with the very credentials that callers get, and the addresses of EARSHOT_ORIGINS as a
browser would reach them.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from django.db import close_old_connections

from . import mail, parts, reach, relay
from .finding import Finding, Status

__all__ = ["CHECKS", "Finding", "Status", "examine"]

Check = Callable[[], Iterator[Finding]]

CHECKS: dict[str, Check] = {
    "Settings": parts.settings_fit,
    "Secure context": reach.secure_context,
    "Addresses": reach.addresses,
    "Database": parts.database,
    "Migrations": parts.migrations,
    "Redis": parts.redis_answers,
    "Clocks": parts.clocks,
    "Mail": mail.server,
    "Relay": relay.relays,
    "Static files": parts.static_files,
    "Disk": parts.disk,
}


def examine() -> list[tuple[str, Finding]]:
    """All checks, at once, in their order. A check that breaks is a finding, too. Takes as long as the slowest: some
    seconds where something does not answer."""
    with ThreadPoolExecutor(len(CHECKS)) as pool:
        running = [(title, pool.submit(_run, check)) for title, check in CHECKS.items()]
        return [(title, finding) for title, each in running for finding in each.result()]


def _run(check: Check) -> list[Finding]:
    close_old_connections()
    try:
        return list(check())
    except Exception as error:  # whatever a library raises: the other checks must be shown
        return [Finding.problem(f"The check itself failed: {type(error).__name__}: {error}", "Look at the log.")]
    finally:
        close_old_connections()
