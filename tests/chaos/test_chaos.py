"""A short run of the chaos: every promise is kept, and there was something to keep it against."""

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress

import pytest

from tests.support.server import ROOT

pytestmark = pytest.mark.slow

SECONDS = 35
PATIENCE_SECONDS = 300


def test_every_promise_is_kept_while_everything_breaks() -> None:
    wanted = ["--people", "60", "--calls", "300", "--seconds", str(SECONDS), "--seed", "4"]
    code, said = chaos(*wanted)
    assert code == 0, said
    happened = {name.strip(): int(count) for name, count in re.findall(r"^ *([^:\d]+?)[: ] +(\d+)", said, re.M)}
    assert happened["calls"] > 50 and happened["commands acknowledged"] > 100, said
    assert happened["faults"] > 10 and happened["link cut"] > 0, said


def chaos(*wanted: str) -> tuple[int, str]:
    """Its exit code, and all that it said. Its parts go with it."""
    command = [sys.executable, "-m", "tests.chaos", *wanted]
    run = subprocess.Popen(
        command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )
    try:
        said, _ = run.communicate(timeout=PATIENCE_SECONDS)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)
    return run.returncode, said
