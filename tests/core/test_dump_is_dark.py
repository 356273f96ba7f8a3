"""Who steals the database, or a copy of it, can read nobody's phone, name, street, token or answer."""

import base64
import uuid

import pytest

from core import auth
from core.db import session
from core.testing import frozen, run_jobs
from tests import make

NAME, STREET = "欧阳菡萏", "稻香里七十七号木屋"
RECIPIENT_PHONE, USER_PHONE, USER_NAME = "13755550123", "13755550456", "司徒映雪"


def dumped():
    """Every row of every table, as PostgreSQL writes them out, by table."""
    connection = session.connection().connection.driver_connection
    tables = connection.execute(
        "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = current_schema()"
    ).fetchall()
    found = {}
    for (table,) in tables:
        with connection.cursor().copy(f"COPY (SELECT * FROM {table}) TO STDOUT") as out:
            found[table] = b"".join(bytes(part) for part in out)
    return found


def disguises(text):
    """A text as it is, and in the forms in which it could hide."""
    for encoding in ("utf-8", "utf-16-le", "gb18030"):
        raw = text.encode(encoding)
        yield raw
        yield raw.hex().encode()
        yield from (base64.b64encode(b" " * shift + raw)[4:-4] for shift in range(3))
    yield text.encode("unicode_escape").replace(b"\\", b"\\\\")
    yield text.encode("unicode_escape")


@pytest.fixture
def trade(db, client, login):
    """An order with its parcels, jobs worked, a kept answer, and a session, whose token this gives."""
    buyer = make.user(phone=USER_PHONE, name=USER_NAME, password="peach-of-the-valley")
    token = auth.open_login(buyer, agent="test", now=make.shop.MORNING)
    address = make.address(name=NAME, phone=RECIPIENT_PHONE, detail=STREET)
    made = make.paid_order(buyer=buyer, to=address)
    run_jobs(make.shop.MORNING)
    sent = {
        "lines": [{"pack_id": str(make.pack_with_lot().id), "quantity": 1}],
        "address": {"name": NAME, "phone": RECIPIENT_PHONE, "region_code": made.region_code, "detail": STREET},
    }
    with frozen(make.shop.MORNING):
        headers = {**login(client, buyer), "Idempotency-Key": f"order-{uuid.uuid4()}"}
        answer = client.post("/api/v1/orders", json=sent, headers=headers)
    assert answer.status_code == 201, answer.json
    return token


def test_no_table_holds_a_phone_a_name_a_street_or_a_token_in_clear(trade):
    secrets = [NAME, STREET, RECIPIENT_PHONE, USER_PHONE, USER_NAME, trade, "peach-of-the-valley"]
    tables = dumped()
    assert len(tables["orders"]) > 100
    assert len(tables["parcels"]) > 100
    leaks = [
        (table, secret)
        for table, rows in tables.items()
        for secret in secrets
        for form in disguises(secret)
        if form in rows
    ]
    assert leaks == []


def test_the_search_itself_would_find_them():
    hidden = base64.b64encode("收件人：".encode() + NAME.encode() + b"!!")
    assert any(form in hidden for form in disguises(NAME))
    assert any(form in STREET.encode().hex().encode() for form in disguises(STREET))


def test_the_four_last_digits_are_all_that_is_kept_of_a_phone(trade):
    tables = dumped()
    assert RECIPIENT_PHONE[-4:].encode() in tables["orders"]
    assert b"\t" + RECIPIENT_PHONE[-5:].encode() not in tables["orders"]
