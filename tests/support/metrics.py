"""What a server counts, read as Prometheus reads it."""

import urllib.error
import urllib.request

from prometheus_client.parser import text_string_to_metric_families

from .server import Server
from .wait import until

# Servers of tests that read metrics are started with EARSHOT_METRICS_TOKEN=TOKEN.
TOKEN = "the-scraper's-token"

TICKS = "earshot_steward_tick_seconds_count"


def ask(server: Server, path: str, **headers: str) -> tuple[int, str]:
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def values(server: Server) -> dict[str, float]:
    """Samples by name and labels, as in `earshot_commands_total result=ok type=call.place`."""
    status, text = ask(server, "/metrics", Authorization=f"Bearer {TOKEN}")
    assert status == 200
    return {
        " ".join([sample.name, *(f"{name}={value}" for name, value in sorted(sample.labels.items()))]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def sockets(server: Server) -> float:
    """Of people with an account, that have said hello."""
    return values(server)["earshot_sockets of=members"]


def until_ticks(server: Server, number: int) -> None:
    """Wait until the steward has begun and ended so many ticks from now on. One that failed does not count."""
    before = values(server)[TICKS]
    until(lambda: values(server)[TICKS] > before + number, f"{number} ticks")  # one may have begun already
