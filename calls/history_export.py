"""One's own history to take along, as CSV or JSON."""

import csv
import json
from collections.abc import Iterable
from io import StringIO
from typing import Any

from .history import Entry

COLUMNS = ("placed_at", "direction", "kind", "person", "handle", "guest", "result", "seconds")

# A spreadsheet takes a cell that begins like this for a formula (OWASP, "CSV Injection").
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def as_csv(entries: Iterable[Entry]) -> str:
    """RFC 4180, with a header line."""
    out = StringIO()
    writer = csv.DictWriter(out, COLUMNS)
    writer.writeheader()
    for entry in entries:
        writer.writerow({name: harmless(value) for name, value in _facts(entry).items()})
    return out.getvalue()


def as_json(entries: Iterable[Entry]) -> str:
    return json.dumps([_facts(entry) for entry in entries], ensure_ascii=False, indent=1)


def harmless(value: Any) -> Any:
    """Text that a spreadsheet shows instead of computing it."""
    return "'" + value if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value


def _facts(entry: Entry) -> dict[str, Any]:
    return {
        "placed_at": entry.placed_at.isoformat(),
        "direction": "outgoing" if entry.outgoing else "incoming",
        "kind": entry.kind.value,
        "person": entry.person.name if entry.person else "",
        "handle": getattr(entry.person, "handle", ""),
        "guest": entry.is_guest,
        "result": entry.words,
        "seconds": round(entry.talked.total_seconds()) if entry.talked else None,
    }
