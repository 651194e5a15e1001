"""What happens to sockets, commands and calls, a line each in the log: see docs/operating.md.

Ids only. Never SDP, candidates, addresses, names, tokens.
"""

import logging
from uuid import UUID

logger = logging.getLogger("earshot.events")


def log(
    event: str,
    *,
    call: UUID | str | None = None,
    user: UUID | str | None = None,
    code: object = None,
    seconds: float | None = None,
    **more: str | int | None,
) -> None:
    """`code` is how it went: `ok`, an error's code, a close code, an end reason."""
    if not logger.isEnabledFor(logging.INFO):
        return
    fields = {
        "call": call and str(call),
        "user": user and str(user),
        "code": code,
        "duration_ms": None if seconds is None else round(seconds * 1000, 1),
        **more,
    }
    logger.info(event, extra={name: value for name, value in fields.items() if value is not None})
