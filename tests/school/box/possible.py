"""Whether this machine can have a box at all.

May live here: the reasons why not, in words. May not: trying half of it.
"""

import os
import shutil
import subprocess
from pathlib import Path

_PROGRAMS = {
    "systemd-nspawn": "systemd-container",
    "debootstrap": "debootstrap",
    "nsenter": "util-linux",
    "unshare": "util-linux",
    "ip": "iproute2",
    "mkfs.ext4": "e2fsprogs",
    "apt-get": "apt",
}
_NAMESPACES = ("unshare", "--mount", "--net", "mount", "-t", "tmpfs", "none", "/mnt")
_PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def reason_against() -> str | None:
    """Why no hosts can be booted here, ``None`` when they can."""
    if os.geteuid() != 0:
        return "booting Debian hosts needs root"
    missing = sorted({package for name, package in _PROGRAMS.items() if shutil.which(name, path=_PATH) is None})
    if missing:
        return f"booting Debian hosts needs the packages {', '.join(missing)}"
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    if not any(kind == "cgroup2" and os.access(at, os.W_OK) for _what, at, kind, *_rest in mounts):
        return "booting Debian hosts needs control groups of the second version that can be written to"
    if subprocess.run(_NAMESPACES, capture_output=True, check=False).returncode != 0:
        return "booting Debian hosts needs leave to make namespaces and to mount"
    known = Path("/proc/filesystems").read_text().split()
    lacking = [name for name in ("overlay", "ext4") if name not in known]
    if lacking and shutil.which("modprobe", path=_PATH) is None:
        return f"booting Debian hosts needs the file systems {', '.join(lacking)}"
    if not list(Path("/dev").glob("loop*")):
        return "booting Debian hosts needs loop devices"
    return None
