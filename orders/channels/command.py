"""`import-orders FILE --channel NAME [--json] [--result FILE]`: a platform's orders into the books."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from core import clock, sheets
from core.db import transaction
from core.errors import Refusal
from core.i18n import _, gettext, render
from core.money import format_yuan
from orders import channels
from orders.channels import imports
from orders.channels.imports import Outcome, Result, Totals

NAMED_MAX = 100
"""Rows with a reason that are named on the screen; all of them are in the result file."""
WORDS = {
    Outcome.ACCEPTED: _("新收"),
    Outcome.UPDATED: _("更新"),
    Outcome.UNCHANGED: _("无变化"),
    Outcome.HELD: _("待人工核对"),
    Outcome.REJECTED: _("退回"),
}


def import_orders(arguments: list[str]) -> int:
    """Book a file; exit 0 when it was booked, also if rows of it were held or rejected, which are named."""
    asked = _parser().parse_args(arguments)
    try:
        reader = channels.reader_of(asked.channel)
        with asked.file.open("rb") as source:
            data = source.read(sheets.BYTES_MAX + 1)
        with transaction():
            results, totals = imports.run(data, asked.file.name, reader, now=clock.now(), progress=_progress)
        if asked.result:
            asked.result.write_bytes(_result_file(results))
    except Refusal as refusal:
        return _refuse(refusal)
    except OSError as wrong:
        return _refuse(f"{wrong.filename}: {wrong.strerror}")
    _name(results)
    print(_as_json(results, totals) if asked.json else _in_words(results, totals))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="manage.py import-orders", description="Book a platform's order file.")
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--channel", required=True, metavar="NAME", help=", ".join(channels.READERS))
    parser.add_argument("--json", action="store_true", help="print the totals as one JSON object")
    parser.add_argument("--result", type=Path, metavar="FILE", help="write what became of every row, as CSV")
    return parser


def _refuse(why: object) -> int:
    print(why, file=sys.stderr)
    return 2


def _progress(done: int, rows: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done}/{rows}", end="\n" if done == rows else "", file=sys.stderr, flush=True)


def _name(results: Sequence[Result]) -> None:
    """Every row that was not simply taken, on the error stream."""
    named = [result for result in results if result.reason]
    for result in named[:NAMED_MAX]:
        row = render(_("第 {row} 行"), row=result.row)
        print(f"{row} {result.external_number} {WORDS[result.outcome]}: {result.reason}", file=sys.stderr)
    if len(named) > NAMED_MAX:
        print(render(_("还有 {count} 行。"), count=len(named) - NAMED_MAX), file=sys.stderr)


def _as_json(results: Sequence[Result], totals: Totals) -> str:
    return json.dumps(imports.counts(results) | asdict(totals) | {"net_minor": totals.net_minor})


def _in_words(results: Sequence[Result], totals: Totals) -> str:
    counted = imports.counts(results)
    outcomes = "，".join(f"{WORDS[outcome]} {counted[outcome]}" for outcome in Outcome)
    money = render(
        _("订单 {orders}，已付款 {paid}：收 {gross}，退 {refunded}，净 {net}"),
        orders=totals.orders,
        paid=totals.paid,
        gross=format_yuan(totals.gross_minor),
        refunded=format_yuan(totals.refunded_minor),
        net=format_yuan(totals.net_minor),
    )
    return f"{render(_('{rows} 行'), rows=counted['rows'])}: {outcomes}\n{money}"


def _result_file(results: Sequence[Result]) -> bytes:
    header = [gettext(_("行")), gettext(_("订单编号")), gettext(_("结果")), gettext(_("原因"))]
    lines = [(one.row, one.external_number, str(WORDS[one.outcome]), str(one.reason or "")) for one in results]
    return sheets.to_csv(header, lines)
