"""The layers of docs/architecture.md, kept: imports go down only, and each browser API has one owner."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
JS = ROOT / "static" / "js"

# From the bottom up. A module may import from lower lines only, or from its own line where it says so.
LAYERS: list[set[str]] = [
    {"core"},
    {"metrics", "events", "processes"},
    {"models", "clock", "offload", "limits", "turn", "presence", "device", "bus", "guessing", "apps"} | {"free_rows"},
    {"client_name", "quality", "retention"},
    {"facts", "history", "history_export", "call_export", "identity", "link_secret", "timeline", "charts"},
    {"diagnosis", "overview", "made_up", "missed_mail", "personal_data"},
    {"call_page", "overview_charts"},
    {"exchange"},
    {"ledger", "gauges"},
    {"switchboard"},
    {"chores", "links", "office", "quality_reports"},
    {"steward"},
    {"welcome", "background", "signals", "context_processors", "link_forms", "history_forms", "admin_filters"}
    | {"admin_paging"},
    {"consumers", "views", "link_views", "guest_views", "admin", "urls", "routing", "management"} | {"templatetags"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
ALLOWED_SIDEWAYS = {
    ("routing", "consumers"),
    ("urls", "views"),
    ("urls", "link_views"),
    ("urls", "guest_views"),
    ("facts", "facts"),
    ("history", "facts"),
    ("history_export", "history"),
    ("call_export", "history_export"),
}

# Beside the switchboard and its ledger: retention deletes what has ended long ago, and made-up calls never went on.
MAY_WRITE = {"switchboard", "ledger", "retention", "made_up"}

CORE_MAY_IMPORT = {"msgspec", "collections", "dataclasses", "datetime", "enum", "typing", "uuid"}


def imported(path: Path) -> set[str]:
    """Dotted names that a module imports, its own package's as `.name`."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            if node.level and node.module:
                names.add("." * node.level + node.module)
            elif node.level:
                names |= {"." * node.level + alias.name for alias in node.names}
            else:
                names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def modules_of(app: str) -> list[Path]:
    return [path for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts]


def test_the_core_knows_no_django_no_clock_and_no_randomness() -> None:
    for path in modules_of("calls/core"):
        for name in imported(path):
            assert name.startswith(".") or name.split(".")[0] in CORE_MAY_IMPORT, f"{path.name} imports {name}"


def test_imports_of_calls_go_down() -> None:
    for path in (ROOT / "calls").glob("*.py"):
        if path.stem == "__init__":
            continue
        for name in imported(path):
            if not name.startswith(".") or path.stem == "apps":
                continue
            target = name.lstrip(".").split(".")[0]
            down = LEVEL[target] < LEVEL[path.stem] or (path.stem, target) in ALLOWED_SIDEWAYS
            assert down, f"calls/{path.name} imports {target}"


def test_people_know_nothing_of_calls() -> None:
    for path in modules_of("accounts"):
        assert not any(name.split(".")[0] == "calls" for name in imported(path)), path


def test_consumers_never_touch_models() -> None:
    assert not {".models", "calls.models"} & imported(ROOT / "calls" / "consumers.py")


def test_only_the_switchboard_writes_calls_and_legs() -> None:
    # `seen_at` and `forgotten_at` are all that changes after the end; history.py alone writes them.
    for path in modules_of("calls"):
        if path.stem in MAY_WRITE or "core" in path.parts:
            continue
        text = path.read_text()
        writes = re.findall(r"(?:Call|Leg|JournalEntry)\.objects[^\n]*\.(?:create|update|bulk_create|delete)\(", text)
        writes = [each for each in writes if "missed_unseen().update" not in each]
        assert not writes, f"{path.name}: {writes}"


def test_only_the_bus_names_channel_layer_groups() -> None:
    for path in [*modules_of("calls"), *modules_of("config")]:
        if path.stem != "bus":
            assert not re.search(r"group_(add|send|discard)|get_channel_layer", path.read_text()), path


@pytest.mark.parametrize(
    ("api", "owners"),
    [
        (r"\bnew (Socket|WebSocket)\b|globalThis\.WebSocket", ["signaling.js"]),
        (r"(?<!typeof )\bRTCPeerConnection\b(?!,)", ["peer.js", "relay_probe.js"]),
        (r"navigator\.mediaDevices|getUserMedia\(", ["media.js", "pages/settings.js"]),
        (r"= AudioContext\b|new AudioContext", ["sound.js"]),
        (r"\bNotification\.|new Notification\b", ["ui/notify.js"]),
        (r"\bdocument\.", ["app.js", "guest.js", "ui/", "pages/"]),
    ],
)
def test_each_browser_api_has_its_owner(api: str, owners: list[str]) -> None:
    for path in JS.rglob("*.js"):
        name = str(path.relative_to(JS))
        if any(name.startswith(owner) for owner in owners):
            continue
        lines = [line for line in path.read_text().splitlines() if not re.match(r"\s*(\*|/\*|//)", line)]
        found = [line for line in lines if re.search(api, line)]
        assert not found, f"{name}: {found}"


def test_no_script_writes_markup_or_to_the_console() -> None:
    for path in JS.rglob("*.js"):
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|console\.", path.read_text()), (
            path
        )


def test_no_template_has_script_or_style_in_it() -> None:
    for path in (ROOT / "templates").rglob("*.html"):
        text = path.read_text()
        assert not re.search(r"\son\w+=|\sstyle=|javascript:", text), path
        for tag in re.findall(r"<script\b[^>]*>", text):
            assert "src=" in tag, f"{path}: {tag}"
