"""An engine that knows no notify protocol, has a child in its process group, and does not end on SIGTERM."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

signal.signal(signal.SIGTERM, signal.SIG_IGN)
listener = socket.socket(socket.AF_UNIX)
child = subprocess.Popen(["/bin/sleep", "1000"])
print(child.pid, flush=True)
Path(sys.argv[1]).unlink(missing_ok=True)
listener.bind(sys.argv[1])
listener.listen()
while True:
    listener.accept()[0].close()
