"""A small echo server on the real daemon skeleton, run by the launcher in the tests."""

import asyncio
import os
import sys
from pathlib import Path

from appliance.daemon.main import Program, main
from appliance.settings.load import load


def run(worker):
    from appliance.daemon import asyncio_loop

    class Echo:
        def __init__(self, servers):
            self.servers = servers

        def stop(self):
            for server in self.servers:
                server.close()

        def reload(self, settings):
            worker.status(f"reloaded {settings.school.name}")

    async def answer(reader, writer):
        while line := await reader.readline():
            words = f"{os.getppid()} {os.getuid()} {os.getgid()} {line.decode().strip()}\n"
            writer.write(words.encode())
        writer.close()

    async def start(worker, loop):
        sockets = [sock for group in worker.listeners.values() for sock in group]
        servers = [await asyncio.start_server(answer, sock=sock) for sock in sockets]
        worker.status("echoing")
        return Echo(servers)

    return asyncio_loop.serve(worker, start)


if __name__ == "__main__":
    raise SystemExit(main(Program(Path(__file__).stem, run, load=load), sys.argv[1:]))
