"""A small real daemon: greets each client with its pid and the setting, then echoes until the client goes or it stops.

``greeter.py asyncio|twisted --settings DIR``; DIR/greeting is the setting, DIR/workers how many there are.
"""

import os
import sys
from pathlib import Path

from appliance.daemon.main import Program, main
from appliance.daemon.options_reading import Problem, SettingsError


def load(folder):
    problems = []
    greeting = (folder / "greeting").read_text().strip()
    workers = (folder / "workers").read_text().strip()
    if not greeting.isalpha():
        problems.append(Problem("greeting", 1, "greeting", repr(greeting), "letters"))
    if not workers.isdigit():
        problems.append(Problem("workers", 1, "workers", repr(workers), "a number"))
    if problems:
        raise SettingsError(problems)
    return greeting, int(workers)


def run_asyncio(worker):
    if "FORGET" in os.environ:
        import ctypes

        ctypes.CDLL(None).prctl(1, 0)
    import asyncio

    from appliance.daemon import asyncio_loop

    class Greeter:
        def __init__(self, settings):
            self.greeting = settings[0]
            self.open = set()
            self.gate = None

        async def greet(self, reader, writer):
            task = asyncio.current_task()
            self.open.add(task)
            writer.write(f"{os.getpid()} {self.greeting}\n".encode())
            while line := await reader.readline():
                if line == b"die\n":
                    os._exit(3)
                if line == b"go\n" and self.gate is not None:
                    self.gate.set()
                writer.write(line)
            writer.close()
            self.open.discard(task)

        async def stop(self):
            self.server.close()
            if self.open:
                await asyncio.wait(self.open)

        async def reload(self, settings):
            if settings[0] == "crash":
                raise ZeroDivisionError("fred.mustermann")
            if settings[0] == "die":
                os._exit(3)
            if settings[0] == "slow":
                self.gate = asyncio.Event()
                worker.status("going over")
                await self.gate.wait()
            self.greeting = settings[0]

    async def start(worker, loop):
        if worker.settings[0] == "never":
            worker.status("waiting for ever")
            await asyncio.Event().wait()
        greeter = Greeter(worker.settings)
        greeter.server = await asyncio.start_server(
            greeter.greet, sock=worker.listening(os.environ.get("NAME", "greet"))[0]
        )
        worker.status("greeting")
        return greeter

    return asyncio_loop.serve(worker, start)


def run_twisted(worker):
    from twisted.internet import defer, reactor
    from twisted.internet.protocol import Factory
    from twisted.protocols.basic import LineOnlyReceiver

    from appliance.daemon import twisted_loop

    class Line(LineOnlyReceiver):
        delimiter = b"\n"

        def connectionMade(self):
            self.factory.open.add(self)
            self.sendLine(f"{os.getpid()} {self.factory.greeting}".encode())

        def lineReceived(self, line):
            if line == b"die":
                os._exit(3)
            if line == b"go" and self.factory.gate is not None:
                self.factory.gate.callback(None)
            self.sendLine(line)

        def connectionLost(self, reason):
            self.factory.open.discard(self)
            if self.factory.last is not None and not self.factory.open:
                self.factory.last.callback(None)

    class Greeter(Factory):
        protocol = Line

        def __init__(self, settings):
            self.greeting = settings[0]
            self.open = set()
            self.last = None
            self.gate = None

        async def stop(self):
            await self.port.stopListening()
            if self.open:
                self.last = defer.Deferred()
                await self.last

        async def reload(self, settings):
            if settings[0] == "crash":
                raise ZeroDivisionError("fred.mustermann")
            if settings[0] == "die":
                os._exit(3)
            if settings[0] == "slow":
                self.gate = defer.Deferred()
                worker.status("going over")
                await self.gate
            self.greeting = settings[0]

    async def start(worker, loop):
        if worker.settings[0] == "never":
            worker.status("waiting for ever")
            await defer.Deferred()
        greeter = Greeter(worker.settings)
        listener = worker.listening(os.environ.get("NAME", "greet"))[0]
        greeter.port = reactor.adoptStreamPort(listener.fileno(), listener.family, greeter)
        worker.status("greeting")
        return greeter

    return twisted_loop.serve(worker, start)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[4]))
    run = {"asyncio": run_asyncio, "twisted": run_twisted}[sys.argv[1]]
    program = Program("greeter", run, load=load, workers=lambda settings: settings[1], drain=float(os.environ["DRAIN"]))
    raise SystemExit(main(program, sys.argv[2:]))
