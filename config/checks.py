"""Combinations of settings that cannot work, each with what to do."""

import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from .alone import NETWORK_FILE_SYSTEMS, file_system_of


@register()
def check_settings(**_: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    if int(os.environ.get("WEB_CONCURRENCY", "1")) > 1 and not settings.REDIS_URL:
        found.append(
            Error(
                "Several server processes cannot reach each other without Redis.",
                hint="Set REDIS_URL, or run one process (WEB_CONCURRENCY=1).",
                id="earshot.E001",
            )
        )
    if settings.TURN_URLS and not settings.TURN_SECRET:
        found.append(
            Error(
                "TURN_URLS is set, but no TURN_SECRET: the relay would refuse everybody.",
                hint="Set TURN_SECRET to the static-auth-secret of coturn.",
                id="earshot.E002",
            )
        )
    if min(settings.LEG_LEASE_SECONDS, settings.CALLER_LEASE_SECONDS) <= 2 * settings.STEWARD_TICK_SECONDS:
        found.append(
            Error(
                "Leases would run out between two renewals.",
                hint="Make EARSHOT_LEG_LEASE_SECONDS and EARSHOT_CALLER_LEASE_SECONDS several times "
                "EARSHOT_STEWARD_TICK_SECONDS.",
                id="earshot.E003",
            )
        )
    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        kind = file_system_of(Path(database["NAME"]))
        if kind in NETWORK_FILE_SYSTEMS:
            found.append(
                Error(
                    f"The SQLite database is on a network file system ({kind}), where its locks do not hold.",
                    hint="Set EARSHOT_DATA to a folder on a local disk, or DATABASE_URL to a PostgreSQL server.",
                    id="earshot.E004",
                )
            )
    insecure = [
        origin
        for origin in settings.EARSHOT_ORIGINS
        if origin.startswith("http://") and not is_local(origin.removeprefix("http://"))
    ]
    if insecure:
        found.append(
            Warning(
                f"Browsers give no camera to {', '.join(insecure)}: it is neither https nor localhost.",
                hint="Serve it over https: ./run --https, or a proxy with a certificate in front.",
                id="earshot.W001",
            )
        )
    return found


def is_local(netloc: str) -> bool:
    host = netloc.rsplit(":", 1)[0] if not netloc.endswith("]") else netloc
    return host in ("localhost", "127.0.0.1", "[::1]") or host.endswith(".localhost")
