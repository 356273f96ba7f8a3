"""One running house for all stories of a worker."""

from collections.abc import Iterator

import pytest

from tests.house import House


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A story brings its own house and its own database."""
    for item in items:
        if "/journeys/" in str(item.path):
            item.add_marker(pytest.mark.no_db)
            item.add_marker(pytest.mark.xdist_group("house"))


@pytest.fixture(scope="session")
def house() -> Iterator[House]:
    """The product with a fresh demo world."""
    found = House()
    found.start()
    yield found
    found.close()
