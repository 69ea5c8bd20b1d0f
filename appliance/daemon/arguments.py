"""What all programs of the server are told: where its settings are."""

from __future__ import annotations

import argparse
import os
from pathlib import Path


def settings_parser(description: str, prog: str | None = None) -> argparse.ArgumentParser:
    """Give a parser with ``--settings DIR``, whose default is that of the installed server."""
    parser = argparse.ArgumentParser(prog=prog, description=description)
    parser.add_argument(
        "--settings",
        metavar="DIR",
        type=Path,
        default=Path(os.environ.get("SCHOOLSERVER_SETTINGS", "/etc/schoolserver")),
        help="folder with the settings (default: $SCHOOLSERVER_SETTINGS, else /etc/schoolserver)",
    )
    return parser
