"""One school for all scenarios of this folder: it takes about a minute to boot, install and set up.

A scenario leaves the school as it found it; each begins when the server says that all is well.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.school.box import desk, furnishing, possible
from tests.school.box.host import Host
from tests.school.box.school import School, hosts, school

_WITH_LAYERS = 1800.0
"""Seconds that one test may take: the first makes what is cached afterwards."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "soak: takes long; left to `make soak`")
    config.addinivalue_line("markers", "rather_on(suite): on other releases of Debian it is left to `make soak`")
    config.addinivalue_line("markers", "last: looks at what all other scenarios left behind")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(_WITH_LAYERS))
        if (rather := item.get_closest_marker("rather_on")) is not None and rather.args[0] not in item.name:
            item.add_marker(pytest.mark.soak)
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)


@pytest.fixture(scope="session")
def _possible() -> None:
    if (reason := possible.reason_against()) is not None:
        pytest.skip(reason)


@pytest.fixture(scope="session")
def _built(_possible: None) -> None:
    if not furnishing.built():
        pytest.skip("there are no packages in dist/: make deb")


@pytest.fixture(scope="module")
def two_hosts(_possible: None) -> Iterator[Mapping[str, Host]]:
    """Two plain Debian hosts without anything of ours."""
    with hosts("bookworm", ("pc", "origin")) as booted:
        yield booted


@pytest.fixture(scope="session")
def whole_school(_built: None) -> Iterator[School]:
    with school() as found:
        yield found


@pytest.fixture(scope="session")
def domain_school(_built: None) -> Iterator[School]:
    """A school whose directory is a domain, with a desk that can join it."""
    with school("bookworm", ("origin", "pc", "desk", "server"), directory="domain") as found:
        yield found


@pytest.fixture(scope="session")
def next_school(_built: None) -> Iterator[School]:
    """The same on the next release of Debian."""
    with school("trixie", ("origin", "pc", "desk", "server"), directory="domain") as found:
        yield found


@pytest.fixture(scope="session", params=["domain_school", "next_school"], ids=["bookworm", "trixie"])
def joined(request: pytest.FixtureRequest) -> Iterator[School]:
    """The school with one PC of the same Debian that has joined; it leaves the domain at the end."""
    found: School = request.getfixturevalue(request.param)
    desk.join(found.hosts["desk"], found.server)
    yield found
    found.server.run(f"schoolserver pcs remove {desk.NAME}")


@pytest.fixture
def at_school(whole_school: School) -> School:
    """The school, well."""
    whole_school.well()
    return whole_school
