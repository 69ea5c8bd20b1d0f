"""Getting one list: over HTTP(S), asking first whether it changed, or from a path of this machine.

May live here: bytes from there to a file beside, with bounds in size and time and the checksum. May not: what is in it
(``sources``), whether it replaces the one we have (``update``). Every URL is the carer's; what answers is a stranger.
"""

from __future__ import annotations

import hashlib
import http.client
import re
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from appliance.daemon.logs import Told
from appliance.filter.formats import KINDS
from appliance.filter.lines import ListRefused
from appliance.filter.record import Version
from appliance.filter.sources import Item

SILENCE: Final = 60.0
"""Seconds in which a server must say something."""
LONGEST: Final = 3600.0
"""Seconds that a list may take."""

_PIECE = 256 * 1024
_SUMS = 1 << 20
_HEADERS = {"User-Agent": "schoolserver", "Accept-Encoding": "identity"}
_FAILED = (http.client.HTTPException, TimeoutError, urllib.error.URLError, ConnectionError, ValueError)

Progress = Callable[[int, int], None]
"""Called with the bytes had and the bytes announced (0: not announced)."""


class Unreachable(Told):
    """There is nothing to be had now; later there may be."""


def fetch(item: Item, former: Version, target: Path, largest: int, progress: Progress) -> Version | None:
    """Write the list to ``target`` unless it is still ``former``; its version, ``None`` where nothing changed.

    Raises :class:`Unreachable`, :class:`ListRefused` for more than ``largest`` bytes and for a wrong checksum, or
    ``OSError`` where ``target`` cannot be written.
    """
    if item.url.startswith("/"):
        version = _copied(item, Path(item.url), target, largest)
    else:
        got = _downloaded(item.url, former, target, largest, progress)
        if got is None:
            return None
        version = got
    if item.sha256 is not None and version.sha256 != _told(item.sha256, item.url):
        raise ListRefused("its checksum is not the one that it should have")
    return None if version.sha256 == former.sha256 and version[:2] == former[:2] else version


class _Coming(Protocol):
    def read1(self, size: int, /) -> bytes: ...


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows to http and https only, and never from https to http."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if req.type == "https" and not newurl.startswith("https:"):
            raise ListRefused("the server leads from https to something unencrypted")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> urllib.request.OpenerDirector:
    """What knows HTTP and HTTPS, and neither files nor FTP, nor the environment."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        *(urllib.request.HTTPHandler(), urllib.request.HTTPSHandler(), _Redirects()),
        *(urllib.request.HTTPErrorProcessor(), urllib.request.HTTPDefaultErrorHandler()),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _asked(url: str, headers: Mapping[str, str]) -> Any:
    """Ask for ``url``; what knows files is not among the handlers. No error of a connection is one of the disk."""
    request = urllib.request.Request(url, headers={**_HEADERS, **headers})  # noqa: S310
    try:
        return _opener().open(request, timeout=SILENCE)
    except urllib.error.URLError:
        raise
    except OSError as error:
        raise urllib.error.URLError(error) from error


def _downloaded(url: str, former: Version, target: Path, largest: int, progress: Progress) -> Version | None:
    asked = {}
    if former.etag:
        asked["If-None-Match"] = former.etag
    if former.modified:
        asked["If-Modified-Since"] = former.modified
    try:
        with _asked(url, asked) as answer:
            size = int(announced) if (announced := answer.headers.get("Content-Length", "")).isdecimal() else 0
            if size > largest:
                raise ListRefused(f"the server announces {size:,} bytes; {largest:,} may be (largest)")
            sha256 = _save(answer, size, target, largest, progress)
            return Version(_short(answer.headers.get("ETag")), _short(answer.headers.get("Last-Modified")), sha256)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == http.client.NOT_MODIFIED and (former.etag or former.modified):
            return None
        raise Unreachable(f"the server answers {error.code}") from error
    except _FAILED as error:
        raise Unreachable(_reason(error)) from error


def _save(answer: _Coming, size: int, target: Path, largest: int, progress: Progress) -> str:
    """Write what comes; the SHA-256 of it."""
    digest, had, until = hashlib.sha256(), 0, time.monotonic() + LONGEST
    with target.open("wb") as file:
        while piece := _piece(answer, min(_PIECE, size - had) if size else _PIECE):
            had += len(piece)
            if had > largest:
                raise ListRefused(f"it has more than {largest:,} bytes (largest)")
            if time.monotonic() > until:
                raise Unreachable(f"after {LONGEST / 60:.0f} min there were only {had:,} bytes")
            digest.update(piece)
            file.write(piece)
            progress(had, size)
    if had < size:
        raise Unreachable(f"it was cut off after {had:,} of {size:,} bytes")
    return digest.hexdigest()


def _piece(answer: _Coming, most: int) -> bytes:
    """Read what has come, as little as it is: who waits for more waits as long as the server likes."""
    try:
        return answer.read1(most)
    except (http.client.HTTPException, OSError) as error:
        raise Unreachable(_reason(error)) from error


def _copied(item: Item, source: Path, target: Path, largest: int) -> Version:
    try:
        if source.is_dir():
            _packed(item, source, target, largest)
            with target.open("rb") as file:
                return Version(sha256=hashlib.file_digest(file, "sha256").hexdigest())
        with source.open("rb") as file:
            return Version(sha256=_save(file, 0, target, largest, lambda _had, _of: None))
    except OSError as error:
        raise Unreachable(f"{error.filename or source}: {error.strerror}") from error


def _packed(item: Item, source: Path, target: Path, largest: int) -> None:
    """Put the wanted files of a folder of squidGuard together, so that the last good ones stay when they change."""
    size = 0
    with tarfile.open(target, "w") as archive:
        for path in sorted(source / category / kind for category in item.categories for kind in KINDS):
            if path.is_file():
                member = tarfile.TarInfo(f"{path.parent.name}/{path.name}")
                member.size = path.stat().st_size
                if (size := size + member.size) > largest:
                    raise ListRefused(f"it has more than {largest:,} bytes (largest)")
                with path.open("rb") as file:
                    archive.addfile(member, file)


def _told(sha256: str, url: str) -> str:
    """Give the checksum, from the file that says it if need be."""
    if "://" not in sha256:
        return sha256
    try:
        with _asked(sha256, {}) as answer:
            text = answer.read(_SUMS).decode("utf-8", "replace").lower()
    except (*_FAILED, OSError) as error:
        raise Unreachable(f"its checksum is not to be had: {_reason(error)}") from error
    sums = re.findall(r"^([0-9a-f]{64})(?:[ \t]+\*?(\S+))?[ \t]*$", text, re.MULTILINE)
    name = url.rpartition("/")[2].lower()
    fitting = [one for one, of in sums if of.rpartition("/")[2] == name] or [one for one, _ in sums if len(sums) == 1]
    if len(fitting) != 1:
        raise ListRefused("the file of checksums does not say its checksum")
    return str(fitting[0])


def _short(header: str | None) -> str:
    """What a server calls a version, unless it is too long to be that."""
    return header if header is not None and len(header) <= 256 and header.isprintable() else ""


def _reason(error: BaseException) -> str:
    reason = getattr(error, "reason", None) or error
    return str(getattr(reason, "strerror", None) or reason)[:150] or type(error).__name__
