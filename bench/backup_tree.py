"""The files of a school's homes for the benchmark of the backup: one in a hundred is changed before each run."""

from __future__ import annotations

import itertools
import os
import random
import time
from pathlib import Path

FILES = 200_000
_HOMES, _FOLDERS = 500, 8
_SIZES = (0, 200, 1_000, 2_000, 4_000, 8_000)
_CHANGED = 100
"""One file in so many is changed."""
_UID = 20_000
_OLDER = 2.1  # seconds


class Tree:
    """``FILES`` files below the folder ``homes``, in so many homes of so many folders each."""

    def __init__(self, homes: Path) -> None:
        dice = random.Random(4)
        self._homes = homes
        self._rounds = itertools.count(1)
        self._files: list[Path] = []
        each = FILES // (_HOMES * _FOLDERS)
        for number in range(_HOMES):
            home = homes / f"kind.nr{number}"
            for folder in (home / f"Fach {one}" for one in range(_FOLDERS)):
                folder.mkdir(parents=True)
                os.chown(folder, _UID + number, _UID + number)
                for name in range(each):
                    path = folder / f"Blatt {name}.txt"
                    path.write_bytes(dice.randbytes(dice.choice(_SIZES)))
                    os.chown(path, _UID + number, _UID + number)
                    self._files.append(path)
            os.chown(home, _UID + number, _UID + number)

    def change(self) -> None:
        """Write one file in a hundred anew, each round others, and bring that to the disk.

        As on a night they are older than what a backup would have to look at twice.
        """
        dice = random.Random(next(self._rounds))
        for path in dice.sample(self._files, FILES // _CHANGED):
            path.write_bytes(dice.randbytes(dice.choice(_SIZES) + 1))
        os.sync()
        time.sleep(_OLDER)

    def one(self) -> Path:
        """Give some file of it, as a path below the homes."""
        return self._files[len(self._files) // 2].relative_to(self._homes)
