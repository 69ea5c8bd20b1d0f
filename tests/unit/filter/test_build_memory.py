"""How much memory a build takes, in a process of its own: it hardly grows with the entries."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BUILD = """
import resource, sys
from pathlib import Path
from appliance.filter.build import build
from appliance.filter.entry import Entry, Kind

names = {"apart": "site%d.example", "below one": "site%d.blog.example", "with www": "www.site%d.example"}
shape, count = names[sys.argv[2]], int(sys.argv[3])
build((Entry(f"c{number % 40}", Kind.DOMAIN, shape % number) for number in range(count)), Path(sys.argv[1]))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
FEW, MANY = 20_000, 220_000
MOST_EACH = 60
"""Bytes; 300 MiB for 5 million entries."""


def peak(place, shape, count):
    """MiB of a build of so many entries."""
    command = [sys.executable, "-c", BUILD, place, shape, str(count)]
    return int(subprocess.run(command, check=True, cwd=ROOT, capture_output=True).stdout) * 1024


def test_memory_grows_by_few_bytes_with_each_entry_wherever_they_hang(tmp_path):
    for shape in ("apart", "below one", "with www"):
        few, many = (peak(tmp_path / "index", shape, count) for count in (FEW, MANY))
        assert many - few < MOST_EACH * (MANY - FEW), shape
