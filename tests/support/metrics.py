"""What a server counts, read as Prometheus reads it."""

import urllib.error
import urllib.request

from prometheus_client.parser import text_string_to_metric_families

from .server import Server

# Servers of tests that read metrics are started with EARSHOT_METRICS_TOKEN=TOKEN.
TOKEN = "the-scraper's-token"


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
