"""Prints the commented default files, or writes them: ``/usr/bin/python3 -m appliance.settings --write DIR``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from appliance.settings.files import default_files


def main() -> int:
    """Print every file, or write them with mode 0644 into an existing folder; exit 1 when that fails."""
    parser = argparse.ArgumentParser(prog="python3 -m appliance.settings", description=__doc__)
    parser.add_argument("--write", metavar="DIR", type=Path, help="write the files there instead of printing them")
    folder: Path | None = parser.parse_args().write
    for name, text in default_files().items():
        if folder is None:
            print(f"# {name}\n{text}")
            continue
        try:
            (folder / name).write_text(text, encoding="utf-8")
        except OSError as error:
            print(f"{folder / name} cannot be written: {error.strerror}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
