"""What takes a row that everybody wants is done last, right before the commit, or not at all."""

import pytest

from core import db
from core.db import transaction
from core.errors import Conflict


def test_the_last_deed_is_done_after_all_others():
    done = []
    with transaction():
        db.last(lambda: done.append("hot row"))
        done.append("everything else")
    assert done == ["everything else", "hot row"]


def test_a_last_deed_that_refuses_refuses_it_all():
    def refuse():
        raise Conflict()

    with pytest.raises(Conflict), transaction():
        db.last(refuse)


def test_nothing_is_done_last_when_it_failed_before():
    done = []

    def fail():
        with transaction():
            db.last(lambda: done.append("hot row"))
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail()
    with transaction():
        assert done == []
    assert done == []


def test_what_is_done_last_is_done_at_once_where_nobody_ends_a_transaction():
    done = []
    db.last(lambda: done.append("hot row"))
    assert done == ["hot row"]


def test_a_last_deed_may_ask_for_another_which_is_done_at_once():
    done = []
    with transaction():
        db.last(lambda: db.last(lambda: done.append("second")))
    assert done == ["second"]
