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

SECONDS = 30
PATIENCE_SECONDS = 400

# Of how many each promise must have been kept: fewer than there are by far, and more than chance.
MEASURED = {
    "calls without exactly one ending": 40,
    "commands acknowledged and lost": 100,
    "commands never answered": 100,
    "commands not answered for more than 15 s on a socket": 100,
    "rings that outlived their call by more than 12 s": 10,
    "resumes of outages up to 2 s": 20,
    "calls to somebody on line that were unavailable": 10,
    "peer messages that went astray": 50,
    "peer messages that were lost": 50,
    "devices that did not come back": 60,
    "servers that took more than 10 s to leave": 1,
}


def test_every_promise_is_kept_while_everything_breaks() -> None:
    wanted = ["--short", "--people", "60", "--calls", "400", "--seconds", str(SECONDS), "--seed", "4"]
    code, said = chaos(*wanted)
    assert code == 0, said
    faults = {name: int(count) for name, count in re.findall(r"^  (\S.*?)  +(\d+)$", said, re.M)}
    assert faults and all(faults.values()), said
    measured = {name: int(count) for name, count in re.findall(r"^(\S.*?)  +\d+ of (\d+)", said, re.M)}
    assert not [name for name, enough in MEASURED.items() if measured[name] < enough], said


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
