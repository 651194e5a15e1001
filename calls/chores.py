"""What a server does now and then beside calls: mail about missed calls, and forgetting. For the steward.

Every process asks; of those that ask, one does it. A chore that fails is logged, and comes again when it is next due.
"""

import logging
from collections.abc import Callable
from datetime import timedelta

from django.core.management import call_command

from . import clock, missed_mail, retention
from .models import Chore

logger = logging.getLogger(__name__)

CHORES: dict[str, tuple[timedelta, Callable[[], object]]] = {
    "missed calls by mail": (timedelta(seconds=30), missed_mail.send_due),
    "retention": (timedelta(days=1), retention.apply),
    "expired sessions": (timedelta(days=1), lambda: call_command("clearsessions")),
}


def do_due() -> None:
    """Do what is due. Not for the event loop: mail and deleting take their time."""
    for name, (every, do) in CHORES.items():
        if Chore.objects.claim(name, every, clock.now()):
            try:
                do()
            except Exception:  # one chore must not keep the others from being done
                logger.exception("The chore %r failed.", name)
