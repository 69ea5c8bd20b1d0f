"""What a client meets at ``tcp ADDRESS PORT`` and ``udp ADDRESS PORT [FROM]``: a line of JSON for each argument."""

import json
import socket
import sys
import time

_PATIENCE = 3.0


def met(kind, address, port, own=None):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM) as line:
        line.settimeout(_PATIENCE)
        try:
            if own:
                line.bind((own, 0))
            line.connect((address, int(port)))
            if kind == "udp":
                line.send(b"?")
            return json.loads(line.recv(2048))
        except ConnectionRefusedError:
            return {"met": "refused"}
        except TimeoutError:
            return {"met": "silence"}
        except OSError as error:
            return {"met": f"unreachable ({error.strerror})"}


for question in sys.argv[1:]:
    begun = time.monotonic()
    answer = met(*question.split())
    print(json.dumps({**answer, "took": time.monotonic() - begun}))
