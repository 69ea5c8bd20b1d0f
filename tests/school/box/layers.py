"""Debian, installed once and kept: what the hosts' disks lie above.

May live here: which packages a layer has, building it and finding it again. May not: anything of a single host.
A layer is a folder that is complete or not there; its name tells what it was made from, so a changed recipe makes a new
one. It is filled from the package sources of the machine that tests; hosts of the box never reach them.
"""

import hashlib
import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.school.box.workspace import CACHE, locked

ROOT = Path(__file__).resolve().parents[3]
_FORMAT = "1"
_BUILD_WITHIN = 1200.0
_FORGOTTEN_AFTER = 14 * 24 * 3600.0
_BASE = "systemd,systemd-sysv,dbus,udev,iproute2,ca-certificates,procps,libnss-myhostname"
_DEBIAN = "http://deb.debian.org/debian"

# The same for every layer above the base: packages are unpacked and set up, nothing is started.
_INSTALL = """
mount -t overlay overlay -o "lowerdir=$LOWER,upperdir=$NEW,workdir=$WORK" "$AT"
mount -t proc proc "$AT/proc"
mount -t devtmpfs dev "$AT/dev" || mount --rbind /dev "$AT/dev"
mkdir -p "$ARCHIVES/partial"
mount --bind "$ARCHIVES" "$AT/var/cache/apt/archives"
cp /etc/resolv.conf "$AT/etc/resolv.conf"
printf '#!/bin/sh\\nexit 101\\n' >"$AT/usr/sbin/policy-rc.d"
chmod 755 "$AT/usr/sbin/policy-rc.d"
printf '%s\\n' "$SOURCES" >"$AT/etc/apt/sources.list"
apt-config dump | grep -E '^Acquire::(Check-|https?::|Retries)' >"$AT/etc/apt/apt.conf.d/00machine" || true
inside() { chroot "$AT" env -i PATH="$PATH" HOME=/root DEBIAN_FRONTEND=noninteractive LANG=C.UTF-8 "$@"; }
inside apt-get -q update
inside apt-get -q -y --no-install-recommends -o APT::Keep-Downloaded-Packages=true install $PACKAGES
inside sh -euc "$AFTER"
rm -r "$AT/usr/sbin/policy-rc.d" "$AT/etc/apt/apt.conf.d/00machine" "$AT"/var/lib/apt/lists/* "$AT/etc/resolv.conf"
"""


@dataclass(frozen=True)
class Recipe:
    """A layer above the base: its packages and a shell script that runs in it afterwards."""

    name: str
    packages: tuple[str, ...]
    after: str = ""


def layers(suite: str, recipe: Recipe) -> tuple[Path, ...]:
    """Give the folders of a layer and of all below it, the highest first; build what is missing."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with locked(CACHE / "layers.lock"):
        base = _named(suite, "base", _BASE, *_sources(suite))
        if not base.exists():
            _debootstrap(suite, base)
        layer = _named(suite, recipe.name, base.name, *recipe.packages, recipe.after, _INSTALL)
        if not layer.exists():
            _install(suite, recipe, base, layer)
        for one in (layer, base):
            os.utime(one)
        _forget_old(layer.parent)
    return layer, base


def run_time_packages() -> tuple[str, ...]:
    """What the school's packages depend on, from debian/control: their own names and substitutions left out."""
    lines = (ROOT / "debian" / "control").read_text(encoding="utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.startswith("#"))
    own = set(re.findall(r"^Package: (\S+)", text, re.M))
    listed = ",".join(re.findall(r"^Depends:((?:.*(?:\n[ \t].*)*))", text, re.M))
    names = {re.split(r"[ |(:]", one.strip())[0] for one in listed.split(",")}
    return tuple(sorted(name for name in names - own if name and not name.startswith("$")))


def _forget_old(folder: Path) -> None:
    """Layers that nobody has asked for in two weeks."""
    for layer in folder.iterdir():
        if time.time() - layer.stat().st_mtime > _FORGOTTEN_AFTER:
            shutil.rmtree(layer)


def _named(suite: str, name: str, *made_from: str) -> Path:
    digest = hashlib.sha256("\0".join((_FORMAT, suite, *made_from)).encode()).hexdigest()[:12]
    return CACHE / "layers" / f"{suite}-{name}-{digest}"


def _sources(suite: str) -> list[str]:
    """The machine's own sources of Debian, for ``suite``."""
    own = re.search(r"VERSION_CODENAME=(\w+)", Path("/etc/os-release").read_text())
    codename = own[1] if own else ""
    listed = subprocess.run(
        ("apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)", "Created-By: Packages"),
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    rows = sorted({line for line in listed.splitlines() if re.fullmatch(rf"\S+/debian\S* {codename}(-\w+)?", line)})
    found = [f"deb {uri} {release.replace(codename, suite)} main" for uri, release in map(str.split, rows)]
    return found or [f"deb {_DEBIAN} {suite} main"]


def _debootstrap(suite: str, layer: Path) -> None:
    mirror = next(line.split()[1] for line in _sources(suite) if line.split()[2] == suite)
    draft = _draft(layer)
    _machine(
        f"exec debootstrap --variant=minbase --include={_BASE} {suite} {shlex.quote(str(draft))} {mirror}",
        {},
        f"Debian {suite}",
    )
    for path in ("etc/machine-id", "etc/resolv.conf", "etc/hostname"):
        (draft / path).unlink(missing_ok=True)
    draft.rename(layer)


def _install(suite: str, recipe: Recipe, base: Path, layer: Path) -> None:
    draft = _draft(layer)
    parts = {name: draft.with_name(f"{draft.name}.{name}") for name in ("new", "work", "at")}
    for part in parts.values():
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(mode=0o755)
    _machine(
        _INSTALL,
        {
            "LOWER": str(base),
            "NEW": str(parts["new"]),
            "WORK": str(parts["work"]),
            "AT": str(parts["at"]),
            "ARCHIVES": str(CACHE / "archives" / suite),
            "SOURCES": "\n".join(_sources(suite)),
            "PACKAGES": " ".join(recipe.packages),
            "AFTER": recipe.after or ":",
        },
        f"layer {recipe.name} of {suite}",
    )
    parts["new"].rename(layer)
    shutil.rmtree(parts["work"])
    parts["at"].rmdir()


def _draft(layer: Path) -> Path:
    """A place to build in; what an earlier attempt left there goes."""
    draft = layer.with_name(f".{layer.name}")
    draft.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(draft, ignore_errors=True)
    return draft


def _machine(script: str, variables: dict[str, str], what: str) -> None:
    """Run a script on the machine that tests, in a mount namespace of its own: nothing stays mounted afterwards."""
    argv: Sequence[str] = ("unshare", "--mount", "--propagation=private", "sh", "-euc", script)
    done = subprocess.run(
        argv,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": "/root", **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_BUILD_WITHIN,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{what} cannot be built:\n{done.stdout[-4000:]}")
