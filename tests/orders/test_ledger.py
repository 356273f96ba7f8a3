"""The books: they balance by the database itself, a key posts once, and the past can be read."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from core.db import new_id, session
from orders import ledger
from orders.ledger import AccountImpossible, Entry, LedgerKeyReused, LedgerUnbalanced, Posting
from tests.make.shop import MORNING

FARM = "farm:0190a000-0000-7000-8000-000000000001"
LATER = MORNING + timedelta(hours=1)


def pay(key="one", minor=2_990, now=MORNING):
    return ledger.post("payment", "1", key, [("stripe:clearing", minor), (FARM, -minor)], now=now)


def test_a_posting_moves_money_from_one_account_to_another():
    assert pay()
    assert ledger.balance("stripe:clearing") == 2_990
    assert ledger.balance(FARM) == -2_990


def test_the_same_posting_again_posts_nothing():
    assert pay()
    assert not pay()
    assert session.scalar(select(func.count()).select_from(Entry)) == 2


def test_a_key_stands_for_one_posting():
    pay()
    with pytest.raises(LedgerKeyReused):
        pay(minor=1)


def test_a_posting_that_does_not_add_up_is_refused():
    with pytest.raises(LedgerUnbalanced):
        ledger.post("payment", "1", "k", [("stripe:clearing", 100), (FARM, -99)], now=MORNING)


def test_an_account_of_no_kind_is_refused():
    with pytest.raises(AccountImpossible):
        ledger.post("payment", "1", "k", [("pocket:mine", 1), (FARM, -1)], now=MORNING)


def test_the_database_itself_refuses_entries_that_do_not_balance():
    pay()
    posted = session.scalars(select(Entry)).first()
    with pytest.raises(DBAPIError, match="do not add up"), session.begin_nested():
        session.execute(
            text(
                "INSERT INTO ledger_entries (id, transaction_id, account, amount_minor, currency, at) "
                "VALUES (:id, :transaction_id, :account, 5, 'CNY', now())"
            ),
            {"id": new_id(), "transaction_id": posted.transaction_id, "account": FARM},
        )


@pytest.mark.parametrize("deed", ["UPDATE ledger_entries SET amount_minor = 1", "DELETE FROM ledger_transactions"])
def test_what_is_posted_stays(deed):
    pay()
    with pytest.raises(DBAPIError, match="only ever added"), session.begin_nested():
        session.execute(text(deed))


def test_a_balance_can_be_read_at_any_past_moment():
    pay()
    pay("two", 10, LATER)
    assert ledger.balance(FARM, at=MORNING) == -2_990
    assert ledger.balance(FARM, at=MORNING - timedelta(seconds=1)) == 0
    assert ledger.balances([FARM, "platform"]) == {FARM: -3_000, "platform": 0}


def test_entries_of_one_account_are_added_up():
    ledger.post("payment", "1", "k", [("platform", -30), ("platform", -20), ("stripe:clearing", 50)], now=MORNING)
    assert session.scalars(select(Entry.amount_minor).order_by(Entry.amount_minor)).all() == [-50, 50]


def test_a_set_is_posted_in_one_go_and_knows_what_was_new():
    pay("a")
    new = ledger.post_many(
        [Posting("payment", "1", key, [("stripe:clearing", 2_990), (FARM, -2_990)]) for key in ("a", "b", "c")],
        now=MORNING,
    )
    assert new == {"b", "c"}
    assert ledger.balance(FARM) == -3 * 2_990


def test_a_statement_lists_entries_with_what_they_were_for():
    pay()
    entry = session.scalars(ledger.statement(FARM)).one()
    assert (entry.amount_minor, entry.transaction.reference) == (-2_990, "1")
    assert str(ledger.words(entry.transaction.kind)) == "收到货款"


AMOUNTS = st.lists(
    st.tuples(st.sampled_from(["platform", FARM, "cash:1", "carrier:freight"]), st.integers(-(10**12), 10**12)),
    max_size=8,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(AMOUNTS, min_size=1, max_size=6))
def test_whatever_is_posted_the_books_add_up_to_zero(postings):
    run = str(new_id())
    ledger.post_many(
        [
            Posting(
                "payment",
                "p",
                f"{run}:{number}",
                [*entries, ("stripe:clearing", -sum(minor for _code, minor in entries))],
            )
            for number, entries in enumerate(postings)
        ],
        now=MORNING,
    )
    assert sum(ledger.trial_balance().values()) == 0
