"""What is read at the scrape rather than counted: sockets, and the pool of database connections."""

from collections.abc import Iterator

from django.db import connection
from prometheus_client import generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from .exchange import exchange
from .metrics import registry

# Of what psycopg_pool counts, what an operator acts on.
POOL = {
    "pool_size": "Connections that are open",
    "pool_available": "Connections that nobody uses",
    "requests_waiting": "Threads that wait for a connection",
    "requests_errors": "Threads that waited in vain",
}


class Gauges(Collector):
    def collect(self) -> Iterator[Metric]:
        sockets = GaugeMetricFamily("earshot_sockets", "Sockets that said hello", labels=["of"])
        guests = sum(device.host is not None for device in exchange.devices())
        sockets.add_metric(["members"], len(exchange.devices()) - guests)
        sockets.add_metric(["guests"], guests)
        yield sockets
        pool = getattr(connection, "pool", None)
        if pool is not None:
            stats = pool.get_stats()
            for name, what in POOL.items():
                yield GaugeMetricFamily(f"earshot_database_{name}", what, value=stats.get(name, 0))


registry.register(Gauges())


def exposition() -> bytes:
    """All of it, as Prometheus reads it. On the event loop, which owns the exchange."""
    return generate_latest(registry)
