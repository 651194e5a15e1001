"""What /metrics shows of this process, in the words of Prometheus. Each process has its own.

Counters and histograms are counted where things happen; what is known at any moment anyway is read at the scrape
(`calls/gauges.py`).
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

registry = CollectorRegistry()

COMMANDS = Counter("earshot_commands", "Commands by type and result", ["type", "result"], registry=registry)
COMMAND_SECONDS = Histogram(
    "earshot_command_seconds",
    "From taking a command to its answer",
    registry=registry,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
PEER_MESSAGES = Counter("earshot_peer_messages", "SDP and ICE messages passed on", registry=registry)
CLOSED_SOCKETS = Counter(
    "earshot_closed_sockets", "Sockets that the server closed, by code", ["code"], registry=registry
)
CALLS_ENDED = Counter("earshot_calls_ended", "Calls that this process ended, by reason", ["reason"], registry=registry)
ANSWER_SECONDS = Histogram(
    "earshot_answer_seconds",
    "From placing a call to its answer",
    registry=registry,
    buckets=(1, 2, 5, 10, 20, 30, 45, 60),
)
SETUP_SECONDS = Histogram(
    "earshot_setup_seconds",
    "From the answer to media at a side, as its page measured it",
    registry=registry,
    buckets=(0.1, 0.2, 0.3, 0.5, 0.75, 1, 2, 3, 5, 10, 20),
)
MEASURED_LEGS = Counter(
    "earshot_measured_legs", "Legs that reported how they were connected, by route", ["route"], registry=registry
)
TICK_SECONDS = Histogram(
    "earshot_steward_tick_seconds",
    "How long the steward's tick took",
    registry=registry,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
FAILED_TICKS = Counter(
    "earshot_steward_failed_ticks", "Ticks that failed: the database or Redis was away", registry=registry
)
LAST_TICK = Gauge("earshot_steward_last_tick_timestamp_seconds", "When a tick last came to its end", registry=registry)
CALLS = Gauge(
    "earshot_calls", "Live calls in the whole installation, at this process's last tick", ["state"], registry=registry
)
HEALED = Counter("earshot_bus_healed", "Snapshots that the bus lost and the steward delivered", registry=registry)
LOST_BATCHES = Counter("earshot_bus_lost_batches", "Batches that the channel layer refused", registry=registry)
