"""The ledger over HTTP: accounts, statements, the trial balance."""

from typing import Any

from marshmallow import fields

from core import auth
from core.auth import requires
from core.paging import Page, PageArgs, page, page_schema
from core.permissions import Permission
from core.schemas import Moment, Schema
from core.web import Blueprint
from orders import ledger, settlements
from orders.ledger import Account, Entry

blueprint = Blueprint(
    "ledger", __name__, url_prefix="/api/v1/ledger", description="The books: double entry, append-only"
)


class AccountOut(Schema):
    """`balance_minor`: what we have or are owed is positive, what we owe is negative."""

    code = fields.String()
    kind = fields.String()
    balance_minor = fields.Function(lambda account: ledger.balance(account.code), metadata={"type": "integer"})


class EntryOut(Schema):
    """One side of a posting, with what it was for."""

    at = Moment()
    amount_minor = fields.Integer()
    currency = fields.String()
    kind = fields.String(attribute="transaction.kind")
    words = fields.Function(lambda entry: str(ledger.words(entry.transaction.kind)), metadata={"type": "string"})
    reference = fields.String(attribute="transaction.reference")


class AsOf(Schema):
    """A moment of the past; now when left out."""

    at = Moment(load_default=None)


class TrialLine(Schema):
    account = fields.String()
    balance_minor = fields.Integer()


class TrialBalance(Schema):
    lines = fields.List(fields.Nested(TrialLine))
    sum_minor = fields.Integer()


@blueprint.get("/accounts/<code>")
@requires(Permission.LEDGER_READ)
@blueprint.response(200, AccountOut)
def read(code: str) -> Account:
    """One account and its balance."""
    return settlements.find(code, who=auth.current())


@blueprint.get("/accounts/<code>/entries")
@requires(Permission.LEDGER_READ)
@blueprint.arguments(PageArgs, location="query")
@blueprint.response(200, page_schema(EntryOut))
def statement(args: dict[str, Any], code: str) -> Page[Entry]:
    """What happened on an account, newest first."""
    account = settlements.find(code, who=auth.current())
    return page(ledger.statement(account.code), model=Entry, **args)


@blueprint.get("/trial-balance")
@requires(Permission.OVERVIEW_PROVINCE)
@blueprint.arguments(AsOf, location="query")
@blueprint.response(200, TrialBalance)
def trial_balance(args: dict[str, Any]) -> dict[str, Any]:
    """All accounts by kind. The sum is zero, or the books are broken."""
    sums = ledger.trial_balance(args["at"])
    lines = [{"account": kind, "balance_minor": minor} for kind, minor in sums.items()]
    return {"lines": lines, "sum_minor": sum(sums.values())}
