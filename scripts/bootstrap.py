"""Sets up a checkout: a virtual environment from the lock file, and system packages for the tests.

Standard library only, and nothing newer than Python 3.6 can parse, so that an old Python gets a sentence
instead of a syntax error. Shared by ./run and ./test.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
OLDEST_PYTHON = (3, 11)


def say(text):
    print(text, flush=True)


def fail(text):
    sys.exit("\n" + text)


def check_python():
    if sys.version_info < OLDEST_PYTHON:
        fail(
            "Earshot needs Python {}.{} or newer; this is {}.{}. Start it with a newer one, for example: "
            "python3.11 {}".format(*OLDEST_PYTHON, *sys.version_info[:2], " ".join(sys.argv))
        )


def ensure_venv(lock):
    """Make .venv hold exactly what `lock`, a file of pinned and hashed requirements, says."""
    check_python()
    lock = ROOT / lock
    digest = hashlib.sha256(lock.read_bytes() + str(sys.version_info[:2]).encode()).hexdigest()
    stamp = VENV / (lock.name + ".stamp")
    if PYTHON.exists() and stamp.exists() and stamp.read_text() == digest:
        return
    began = time.monotonic()
    if not PYTHON.exists() or subprocess.call([str(PYTHON), "-c", "import pip"], stderr=subprocess.DEVNULL):
        say("Making a virtual environment in .venv …")
        made = subprocess.run(
            [sys.executable, "-m", "venv", "--clear", str(VENV)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        if made.returncode:
            shutil.rmtree(str(VENV), ignore_errors=True)
            fail(
                "Python could not make a virtual environment. On Debian and Ubuntu its part for that is a package "
                "of its own; install it, and start again:\n\n    apt-get install python3-venv\n"
            )
    say(f"Installing Python packages ({lock.name}) …")
    if _install(lock):
        fail(
            "The Python packages could not be installed (see above). Is the package index reachable? "
            "Behind a proxy, set HTTPS_PROXY; then start again: what is installed already is kept."
        )
    stamp.write_text(digest)
    say(f"Installed in {time.monotonic() - began:.0f} s.")


def _install(lock):
    """uv where there is one, for it is faster; pip, which knows its own configuration, otherwise and after it."""
    uv = shutil.which("uv")
    if uv and not subprocess.call(
        [uv, "pip", "install", "-q", "--python", str(PYTHON), "--require-hashes", "-r", str(lock)],
        stderr=subprocess.DEVNULL,
    ):
        return 0
    return subprocess.call(
        [
            str(PYTHON),
            "-m",
            "pip",
            "install",
            "-q",
            "--disable-pip-version-check",
            "--require-hashes",
            "-r",
            str(lock),
        ]
    )


def ensure_debian_packages(wanted):
    """Install the packages whose command is missing: {command or path: package}. As root; else say how."""
    missing = sorted({package for command, package in wanted.items() if not _is_there(command)})
    if not missing:
        return
    command = "apt-get install -y --no-install-recommends " + " ".join(missing)
    if not shutil.which("apt-get"):
        fail("The tests need {}. Install them with your system's package manager.".format(", ".join(missing)))
    if os.geteuid() != 0:
        fail(f"The tests need some of the system's packages. Install them with:\n\n    sudo {command}\n")
    say("Installing {} …".format(", ".join(missing)))
    began = time.monotonic()
    # Services that a package would start are of no use here: each test starts its own.
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive", RUNLEVEL="1")
    for step in ("apt-get update -qq", command + " -qq"):
        done = subprocess.run(step.split(), env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode:
            fail(done.stdout.decode(errors="replace")[-3000:] + f"\n`{step}` failed.")
    say(f"Installed in {time.monotonic() - began:.0f} s.")


def _is_there(command):
    if "*" in command:
        return any(Path("/").glob(command.lstrip("/")))
    return Path(command).exists() if command.startswith("/") else shutil.which(command) is not None
