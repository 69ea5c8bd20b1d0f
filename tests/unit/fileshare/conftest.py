"""What tests of files on the disk share: whose bytes are noted, and the two kinds of disks."""

from __future__ import annotations

import errno
import os

import pytest

from appliance.usage import weight


class Account:
    """Adds up what one person has."""

    def __init__(self) -> None:
        self.sum = 0

    def add(self, uid: int, amount: int) -> None:
        assert uid == os.getuid()
        self.sum += amount


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
def bytes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let names weigh nothing, so that sums are those of the files' bytes; what names weigh is tried elsewhere."""
    monkeypatch.setattr(weight, "LEAST", 0)


@pytest.fixture(params=["nameless", "named"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Disks with and without files that have no name."""
    if request.param == "named":
        real = os.open

        def without(path: str, flags: int, *rest: object, **more: object) -> int:
            if flags & os.O_TMPFILE == os.O_TMPFILE:
                raise OSError(errno.EOPNOTSUPP, "no")
            return real(path, flags, *rest, **more)  # type: ignore[arg-type]

        monkeypatch.setattr(os, "open", without)
    return request.param
