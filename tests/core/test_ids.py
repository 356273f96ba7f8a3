"""Ids of our own: version 7, in the order in which they were made, also within one millisecond."""

from datetime import UTC, datetime

import pytest

from core.db import new_id

NOON = datetime(2026, 8, 13, 4, tzinfo=UTC)


@pytest.mark.no_db
def test_an_id_is_a_uuid_of_version_seven_that_carries_its_time():
    one = new_id(NOON)
    assert (one.version, one.variant) == (7, "specified in RFC 4122")
    assert one.int >> 80 == int(NOON.timestamp() * 1000)


@pytest.mark.no_db
def test_ids_of_one_millisecond_keep_their_order():
    made = [new_id(NOON) for _each in range(5_000)]
    assert made == sorted(set(made))
