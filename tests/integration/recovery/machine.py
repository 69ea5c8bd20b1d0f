"""``schoolserver restore`` as a real process, on a machine in a folder: ``machine.py FOLDER [EVENT NUMBER] -- WORDS``.

With an audit event of Python's the process ends itself by SIGKILL at that many of them, as in a power cut.
"""

import signal
import sys

from appliance.cli import setup_talk
from appliance.cli.restore import restore
from tests.integration.setup.machine import Machine, signal_at


def main():
    ours, words = sys.argv[1 : sys.argv.index("--")], sys.argv[sys.argv.index("--") + 1 :]
    machine = Machine(ours[0])
    setup_talk.machine = lambda: (machine.places, machine)
    if ours[1:]:
        signal_at(ours[1], int(ours[2]), signal.SIGKILL)
    restore(words, prog_name="schoolserver restore")


if __name__ == "__main__":
    main()
