"""Copies the third-party files that pages load into static/vendor/, with their licence and version.

    npm ci && python -m scripts.vendor

The versions are those of package-lock.json; the copies are committed, so that running Earshot needs no npm.
"""

import json
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODULES = ROOT / "node_modules"
VENDOR = ROOT / "static" / "vendor"

# package: (folder under static/vendor, its files)
PACKAGES = {"@fontsource-variable/inter": ("inter", ["files/inter-latin-wght-normal.woff2"])}


def main():
    for package, (folder, files) in PACKAGES.items():
        source, target = MODULES / package, VENDOR / folder
        if not source.is_dir():
            raise SystemExit(f"{package} is not installed. Run `npm ci` first.")
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        for file in [*files, "LICENSE"]:
            shutil.copy(source / file, target / Path(file).name)
        about = json.loads((source / "package.json").read_text())
        text = (
            f"{package} {about['version']}, {about['license']}, from the npm registry. Copied by scripts/vendor.py.\n"
        )
        (target / "VERSION").write_text(text)
        print(text, end="")


if __name__ == "__main__":
    main()
