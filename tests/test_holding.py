"""docs/holding.md names a test for each row, and each of them exists."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROMISES, _ = (ROOT / "docs" / "holding.md").read_text().split("\n## Chaos, measured\n")
ROWS = [line for line in PROMISES.splitlines() if line.startswith("| ")]


def test_every_row_names_a_test_and_each_is_there() -> None:
    rows = [row for row in ROWS if not row.startswith(("| event", "| | trap"))]
    assert len(rows) == 20 + 26
    for row in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", row)
        assert named, f"No test is named in: {row}"
        for path, test in named:
            assert f"def {test}(" in (ROOT / path).read_text(), f"{path} has no {test}."
