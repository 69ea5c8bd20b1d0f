"""A lesson begins: 30 log-ons in one second; a morning: 300 in a minute. On both directories, at their usual settings.

Each log-on is a password check by auth, then mail (IMAP), drives (FTP with TLS) and the proxy, which have the password
checked too. A figure is the time of such a check as whoever waits for it sees it: the answer of auth, or the whole
sign-in at a service, connecting included. Any answer other than yes ends the measurement. Nobody logs on twice, for
auth remembers a right password for a while. The peer is as many bare binds at the same instants, on as many kept
connections as auth has: what checking costs that remembers nothing.
"""

from __future__ import annotations

import contextlib
import http.client
import shutil
import statistics
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from appliance.auth.client import Answer, BlockingAuthClient
from appliance.daemon.identities import Identities
from appliance.daemon.secret import Secret
from appliance.directory.client import connect
from appliance.directory.link import Link
from appliance.directory.pool import Pool
from appliance.directory.whereabouts import whereabouts
from appliance.policy.account import Service
from bench.harness import Row
from tests.integration.services.drivers_files import Ftp
from tests.integration.services.drivers_mail import Imap
from tests.integration.services.site import outside
from tests.integration.support_domain import RunningDomain, start_domain
from tests.integration.support_place import placed
from tests.integration.support_school import School

LESSON, MORNING, ROUNDS = 30, 300, 5
PEOPLE, PASSWORD = LESSON * ROUNDS + MORNING, "Kartoffel-Salat7"
_SERVICES = ("audit", "privileged", "auth", "supervisor", "mail", "imap", "fileshare", "proxy")
_SETTINGS = {
    "server": {"probe_interval": "1 h"},
    "fileshare": {"connections_per_address": 500},
}
_BINDS, _PATIENCE = 4, 60.0


@contextlib.contextmanager
def rows() -> Iterator[tuple[Row, ...]]:
    """Give the rows of both while their schools run."""
    with _school_on_slapd() as slapd, _school_on_domain() as domain:
        yield (*_rows_of("slapd", slapd), *_rows_of("domain", domain))


class Lesson:
    """A school whose people all have the same password, and their log-ons."""

    def __init__(self, school: School, logins: list[str], site: int) -> None:
        self.school, self.logins, self._site = school, logins, site
        self._where = whereabouts(school.settings, "auth")
        self._links = Pool(self._open, school.settings.directory.connections, _PATIENCE)
        self._new = list(logins)

    def arrive(self, people: int, seconds: float) -> float:
        """Let so many log on who have not been there before; see :meth:`spread`."""
        new, self._new = self._new[:people], self._new[people:]
        return self.spread(new, seconds, self.log_on)

    def spread(self, people: Sequence[str], seconds: float, log_on: Callable[[str], list[float]]) -> float:
        """Let these log on, evenly over the time; ms in which 99 of 100 checks were answered."""
        begun = time.perf_counter()
        taken: list[float] = []

        def one(number: int) -> list[float]:
            time.sleep(max(0.0, begun + number * seconds / len(people) - time.perf_counter()))
            return log_on(people[number])

        with ThreadPoolExecutor(min(len(people), 60)) as pool:
            for found in pool.map(one, range(len(people))):
                taken += found
        return statistics.quantiles(taken, n=100)[98] * 1000

    def log_on(self, login: str) -> list[float]:
        """Log on: seconds of each check."""
        return [self._by_auth(login), self._by_driver(Imap, login), self._by_driver(Ftp, login), self._by_proxy(login)]

    def bind(self, login: str) -> list[float]:
        """Bind four times, each on the next of as many kept connections as auth has."""
        name = f"{self._where.dialect.schema.account_naming}={login},{self._where.tree.people}"

        def bind() -> int:
            with self._links.link() as link:
                return link.bind(name, PASSWORD).code

        return [_timed(bind, 0) for _ in range(_BINDS)]

    def _open(self) -> Link:
        return Link(self._where.uri, _PATIENCE, self._where.trust)

    def _by_auth(self, login: str) -> float:
        with contextlib.closing(BlockingAuthClient(self.school.runtime / "auth" / "auth.sock")) as client:
            ask = client.verify
            return _timed(lambda: ask(Service.FILES, login, Secret(PASSWORD), "10.1.0.7").answer, Answer.VERIFIED)

    def _by_driver(self, kind: type[Imap] | type[Ftp], login: str) -> float:
        client = kind(self.school)
        try:
            begun = time.perf_counter()
            words = client.sign_in(login, PASSWORD)
            taken = time.perf_counter() - begun
        finally:
            client.close()
        if not words.startswith(("230", "OK")) and "Logged in" not in words:
            raise RuntimeError(f"{kind.__name__} answered {words}")
        return taken

    def _by_proxy(self, login: str) -> float:
        token = b64encode(f"{login}:{PASSWORD}".encode()).decode()
        with contextlib.closing(http.client.HTTPConnection(*self.school.address("proxy"), timeout=20)) as client:

            def ask() -> int:
                client.request(
                    "GET", f"http://127.0.0.1:{self._site}/bytes/1", headers={"Proxy-Authorization": f"Basic {token}"}
                )
                answer = client.getresponse()
                answer.read()
                return answer.status

            return _timed(ask, 200)


def _timed(ask: Callable[[], object], wanted: object) -> float:
    begun = time.perf_counter()
    answer = ask()
    taken = time.perf_counter() - begun
    if answer != wanted:
        raise RuntimeError(f"the answer was {answer}")
    return taken


def _rows_of(kind: str, lesson: Lesson) -> tuple[Row, ...]:
    def row(people: int, seconds: float, rounds: int) -> Row:
        return Row(
            f"{kind}: {people} log-ons in {seconds:g} s, p99 of a check",
            "ms",
            False,
            lambda: lesson.arrive(people, seconds),
            lambda: lesson.spread(lesson.logins[:people], seconds, lesson.bind),
            "bare binds",
            limit=500.0,
            rounds=rounds,
        )

    return row(LESSON, 1.0, ROUNDS), row(MORNING, 60.0, 1)


@contextlib.contextmanager
def _school_on_slapd() -> Iterator[Lesson]:
    with _lesson(_SETTINGS, (*_SERVICES, "directory"), lambda _school: None) as lesson:
        yield lesson


@contextlib.contextmanager
def _school_on_domain() -> Iterator[Lesson]:
    folder = Path(tempfile.mkdtemp(prefix="ss-", dir="/tmp"))
    try:
        with start_domain(folder) as domain:
            directory = {"kind": "domain", "uri": f"ldaps://127.0.0.1:{domain.network.port}"}
            settings = {**_SETTINGS, "directory": directory, "domain": {"host": domain.settings.domain.host}}
            with _lesson(settings, _SERVICES, lambda school: _known_to(school, domain)) as lesson:
                yield lesson
    finally:
        shutil.rmtree(folder)


def _known_to(school: School, domain: RunningDomain) -> None:
    """Let the school's services find the domain: whom they trust, and their passwords there."""
    shutil.copy(domain.settings.folder / "ca.pem", school.settings.folder / "ca.pem")
    for part in ("supervisor", "auth"):
        own, folder = Identities(school.settings.server).of(part), school.state / part
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = Path(shutil.copy(domain.settings.server.state / part / "directory.password", folder))
        for path in (folder, file):
            shutil.chown(path, own.uid, own.gid)


@contextlib.contextmanager
def _lesson(
    settings: Mapping[str, object], units: tuple[str, ...], ready: Callable[[School], None]
) -> Iterator[Lesson]:
    with outside() as (site, _far, _received):
        proxy = {"exceptions": [f"127.0.0.1:{site}"]}
        with placed(School, {**settings, "proxy": proxy}, units) as school:
            ready(school)
            school.start()
            lines = (f"{number};Kind;Nummer{number};3a;pupil;01.02.2017" for number in range(PEOPLE))
            _, issued = school.take_in("\n".join(["Import-ID;Vorname;Nachname;Klasse;Rolle;Geburtsdatum", *lines]))
            with contextlib.closing(connect(school.settings, "auth")) as directory, ThreadPoolExecutor(2) as pool:
                list(pool.map(lambda one: directory.set_password(one, Secret(PASSWORD), must_change=False), issued))
            last = list(issued)[-1]
            school.when_published("auth", lambda found: not any(one.must_change for one in found.accounts.values()))
            school.when(lambda: school.sign_in(last, PASSWORD).answer is Answer.VERIFIED)
            yield Lesson(school, list(issued), site)
