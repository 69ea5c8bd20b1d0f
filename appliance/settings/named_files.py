"""Files that settings name and that must be there: passwords and certificates for mail servers outside.

May live here: whether they are there. May not: what is in them. It is no check of :func:`appliance.settings.load.load`:
who reads the settings may be somebody who cannot see them, and a file may come later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appliance.settings.load import Settings


def missing_files(settings: Settings) -> list[str]:
    """Give a line, with the place in the settings, for each file that is certainly not there."""
    places = {
        "mail.outside.ca": settings.mail.outside.ca,
        "mail.outside.password_file": settings.mail.outside.password_file,
        "alerts.ca": settings.alerts.ca,
        "alerts.password_file": settings.alerts.password_file,
    }
    found = []
    for key, path in places.items():
        try:
            if path is not None:
                path.stat()
        except (FileNotFoundError, NotADirectoryError):
            found.append(f"{settings.sources[key]}: there is no file {path}")
        except OSError:
            continue
    return found
