"""`docs/privacy.md` says of every personal column what it is for; no column comes in unnoticed.

After a change of the register write the page anew:
XIAOXIANG_WRITE_DOCS=1 python3 manage.py test tests/core/test_privacy_page.py
"""

import os
from pathlib import Path

import pytest

from core import personal
from core.db import Model
from migrations.tables import load_all

pytestmark = pytest.mark.no_db
PAGE = Path(__file__).resolve().parents[2] / "docs" / "privacy.md"
CLEAR = {"phone", "mobile", "telephone", "id_number", "bank_account", "email", "recipient", "recipient_name", "address"}


def test_the_page_is_what_the_register_says():
    load_all()
    page = personal.document(personal.columns(Model.metadata))
    if os.environ.get("XIAOXIANG_WRITE_DOCS"):
        PAGE.write_text(page)
    assert PAGE.read_text() == page


def test_every_person_in_the_design_is_on_the_page():
    page = PAGE.read_text()
    for column in ("users.phone_sealed", "orders.name_sealed", "orders.detail_sealed", "parcels.phone_sealed"):
        assert f"| `{column}` |" in page


def test_no_column_holds_a_phone_or_an_address_in_clear():
    load_all()
    clear = [
        f"{table.name}.{column.name}"
        for table in Model.metadata.sorted_tables
        for column in table.columns
        if column.name in CLEAR
    ]
    assert clear == []
