"""The system's programs that tests start. `./test quick` does without them, for it installs none."""

import os
import shutil


def program(name: str) -> str:
    """Where it is. Raises AssertionError in `./test quick`, on a machine that happens to have it as on any other."""
    if os.environ.get("EARSHOT_TEST_QUICK"):
        raise AssertionError(f"A test that `./test quick` runs starts {name}, which may not be there: mark it as slow.")
    return shutil.which(name) or f"/usr/bin/{name}"
