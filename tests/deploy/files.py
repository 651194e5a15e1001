"""What stands in the files of deploy/."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

from tests.support.server import ROOT

DEPLOY = ROOT / "deploy"
OPERATING = (ROOT / "docs" / "operating.md").read_text()
DEPLOYING = (ROOT / "docs" / "deploying.md").read_text()

# Debian's Python has the YAML library of Debian's package; ours has none.
_TO_JSON = "import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.stdin)))"


def compose() -> dict[str, Any]:
    read = subprocess.run(
        ["/usr/bin/python3", "-c", _TO_JSON],
        input=(DEPLOY / "compose.yaml").read_bytes(),
        stdout=subprocess.PIPE,
        check=True,
    )
    return dict(json.loads(read.stdout))


def settings_of(file: Path) -> dict[str, str]:
    """The variables that an env file sets."""
    found = re.findall(r"^([A-Z_]+)=(.*)$", file.read_text(), re.M)
    return {name: value.strip('"') for name, value in found}
