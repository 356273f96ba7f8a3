"""The order report of another platform: what of it is booked, what is named instead, and what a second file changes."""

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from core import db, sheets
from core.db import session
from orders import channels, ledger, verify
from orders.channels import command, imports
from orders.channels.imports import ColumnsMissing, ImportRow, ImportRun, Outcome
from orders.ledger import Entry
from orders.orders import Order, OrderMove, OrderStatus

NOW = datetime(2026, 3, 1, 2, tzinfo=UTC)
HEADER = "订单编号,总金额,买家实际支付金额,收货地址 ,订单创建时间,订单付款时间 ,退款金额"
WHOLE = "3,52.5,0.0,浙江省,2026-02-20 23:57:01,2026-02-20 23:57:10,52.5"
PART = "4,100.0,69.9,湖南省,2026-02-20 22:00:00,2026-02-20 22:00:05,30.1"
UNPAID = "1,178.8,0.0,上海,2026-02-21 00:00:00,,0.0"
PAID = "2,21.0,21.0,内蒙古自治区,2026-02-20 23:59:54,2026-02-21 00:00:02,0.0"
REPORT = [UNPAID, PAID, WHOLE, PART]


def report(*rows: str, header: str = HEADER, encoding: str = "utf-8") -> bytes:
    return "\r\n".join([header, *rows, ""]).encode(encoding)


def book(*rows: str, now: datetime = NOW):
    return imports.run(report(*rows), "report.csv", channels.reader_of("tmall-report"), now=now)


def order(number: str) -> Order:
    session.expire_all()
    return session.scalars(select(Order).where(Order.external_number == number)).one()


def outcomes(results) -> dict[int, str]:
    return {result.row: result.outcome if not result.reason else result.reason.code for result in results}


def everything() -> dict[str, int]:
    return {table.__tablename__: session.scalar(select(func.count()).select_from(table)) for table in (
        Order, OrderMove, Entry, ImportRow,
    )}  # fmt: skip


def test_a_report_is_booked_to_the_fen():
    results, totals = book(*REPORT)
    assert imports.counts(results) == {
        "rows": 4, "accepted": 4, "updated": 0, "unchanged": 0, "held": 0, "rejected": 0,
    }  # fmt: skip
    assert (totals.orders, totals.paid) == (4, 3)
    assert (totals.gross_minor, totals.refunded_minor, totals.net_minor) == (17_350, 8_260, 9_090)
    assert ledger.balances(["channel:tmall-report", "sales:tmall-report"]) == {
        "channel:tmall-report": 9_090,
        "sales:tmall-report": -9_090,
    }
    assert verify.run() == []


def test_orders_that_the_books_do_not_know_are_named():
    book(*REPORT)
    session.execute(update(Order).where(Order.external_number == "4").values(refunded_minor=0))
    assert "a platform owes what its orders say" in {broken.check for broken in verify.run()}


def test_each_order_ends_as_the_report_says():
    book(*REPORT)
    ends = {number: (order(number).status, order(number).refunded_minor) for number in "1234"}
    assert ends == {
        "1": (OrderStatus.AWAITING_PAYMENT, 0),
        "2": (OrderStatus.PAID, 0),
        "3": (OrderStatus.REFUNDED, 5_250),
        "4": (OrderStatus.PAID, 3_010),
    }


def test_a_move_is_left_for_every_step_at_the_platforms_time():
    book(*REPORT)
    moves = [(move.was, move.became) for move in order("3").moves]
    assert moves == [(None, "awaiting_payment"), ("awaiting_payment", "paid"), ("paid", "refunded")]
    assert order("3").moves[1].at == order("3").paid_at == datetime(2026, 2, 20, 15, 57, 10, tzinfo=UTC)


def test_a_sale_without_goods_and_address_is_never_to_be_sent():
    book(*REPORT)
    sold = order("2")
    assert (sold.station_id, sold.buyer_id, sold.detail_sealed, sold.lines) == (None, None, None, [])
    assert sold.region_code == "15"


def test_a_second_run_changes_nothing():
    _first, totals = book(*REPORT)
    before = everything()
    second, again = book(*REPORT, now=NOW.replace(hour=3))
    assert [result.outcome for result in second] == [Outcome.UNCHANGED] * 4
    assert [result.reason for result in second] == [None] * 4
    assert again == totals
    assert everything() == before


def test_a_newer_report_moves_orders_forward():
    book(*REPORT)
    paid = "1,178.8,168.8,上海,2026-02-21 00:00:00,2026-02-21 00:10:00,10.0"
    more = PART.replace("69.9", "60.0").replace("30.1", "40.0")
    results, totals = book(paid, PAID, WHOLE, more, now=NOW.replace(hour=3))
    assert [result.outcome for result in results] == ["updated", "unchanged", "unchanged", "updated"]
    assert (order("1").status, order("1").refunded_minor) == (OrderStatus.PAID, 1_000)
    assert order("1").paid_at == datetime(2026, 2, 20, 16, 10, tzinfo=UTC)
    assert order("4").refunded_minor == 4_000
    assert ledger.balance("channel:tmall-report") == totals.net_minor == 2_100 + 6_000 + 16_880
    assert verify.run() == []


def test_an_older_report_never_moves_a_state_back():
    book(*REPORT)
    before = everything()
    older = [
        "2,21.0,0.0,内蒙古自治区,2026-02-20 23:59:54,,0.0",
        "3,52.5,52.5,浙江省,2026-02-20 23:57:01,2026-02-20 23:57:10,0.0",
        "4,100.0,90.0,湖南省,2026-02-20 22:00:00,2026-02-20 22:00:05,10.0",
    ]
    results, _totals = book(*older, now=NOW.replace(hour=3))
    assert [(result.outcome, result.reason.code) for result in results if result.reason] == [
        (Outcome.UNCHANGED, "row_older")
    ] * 3
    assert everything() == before
    assert (order("2").status, order("3").status, order("4").refunded_minor) == ("paid", "refunded", 3_010)


def test_a_report_that_contradicts_the_books_is_held():
    book(*REPORT)
    results, _totals = book(
        PAID.replace("21.0", "22.0"),
        PART.replace("22:00:05", "22:00:06"),
        WHOLE.replace("浙江省", "江苏省"),
        UNPAID.replace("178.8", "170"),
        now=NOW.replace(hour=3),
    )
    assert set(outcomes(results).values()) == {"sale_disagrees"}
    assert {result.outcome for result in results} == {Outcome.HELD}
    assert order("2").total_minor == 2_100


def test_a_price_may_change_until_it_is_paid():
    book(UNPAID)
    results, _totals = book("1,170,170,上海,2026-02-21 00:00:00,2026-02-21 00:10:00,0", now=NOW.replace(hour=3))
    assert results[0].outcome is Outcome.UPDATED
    assert order("1").total_minor == ledger.balance("channel:tmall-report") == 17_000


def test_bad_rows_are_named_and_the_others_kept():
    rows = [
        UNPAID,  # row 2
        PAID,
        PAID,  # again
        "5,100.0,100.0",  # short
        "6,一百,100.0,湖南省,2026-02-20 22:00:00,2026-02-20 22:00:05,0.0",
        "7,1,058.00,1058.00,湖南省,2026-02-20 22:00:00,2026-02-20 22:00:05,0.0",  # a bare comma in the amount
        "2.0226E+15,1,1,湖南省,2026-02-20 22:00:00,2026-02-20 22:00:05,0.0",
        "8,1,1,湖南省,2026-02-30 22:00:00,,0.0",
        "9,-1,-1,湖南省,2026-02-20 22:00:00,2026-02-20 22:00:05,0.0",
        "10,1.005,1.005,湖南省,2026-02-20 22:00:00,2026-02-20 22:00:05,0.0",
        "11,99999999.99,99999999.99,湖南省,2026-02-20 22:00:00,2026-02-20 22:00:05,0.0",
        "=1+1,1,1,湖南省,2026-02-20 22:00:00,2026-02-20 22:00:05,0.0",
        WHOLE,
    ]
    results, totals = book(*rows)
    assert outcomes(results) == {
        2: "accepted",
        3: "accepted",
        4: "row_repeats",
        5: "cell_missing",
        6: "amount_unreadable",
        7: "cells_surplus",
        8: "order_number_ruined",
        9: "time_unreadable",
        10: "amount_unreadable",
        11: "amount_unreadable",
        12: "amount_unreadable",
        13: "order_number_unreadable",
        14: "accepted",
    }
    assert totals.orders == 3
    assert imports.counts(results)["rejected"] == 9


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (PART.replace("69.9", "70.0"), "amounts_disagree"),
        (UNPAID.replace("0.0,上海", "1.0,上海"), "money_without_payment"),
        (PAID.replace("2026-02-21 00:00:02", "2026-02-20 00:00:02"), "paid_before_placed"),
        (PAID.replace("内蒙古自治区", "内蒙"), "province_unknown"),
    ],
)
def test_a_row_that_contradicts_itself_is_held_and_not_booked(row: str, reason: str):
    results, totals = book(row)
    assert (results[0].outcome, results[0].reason.code, totals.orders) == (Outcome.HELD, reason, 0)
    kept = session.scalars(select(ImportRow)).one()
    assert (kept.number, kept.outcome, kept.reason) == (2, "held", reason)
    assert kept.cells["订单编号"] == row.split(",", maxsplit=1)[0]


def test_one_order_twice_in_a_file_goes_on_from_row_to_row():
    results, totals = book(UNPAID, "1,178.8,178.8,上海,2026-02-21 00:00:00,2026-02-21 00:10:00,0.0", UNPAID)
    assert [result.outcome for result in results] == ["accepted", "updated", "unchanged"]
    assert (totals.orders, totals.paid, totals.gross_minor) == (1, 1, 17_880)
    assert [move.became for move in order("1").moves] == ["awaiting_payment", "paid"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_the_encodings_of_chinese_platforms_are_read(encoding: str):
    reader = channels.reader_of("tmall-report")
    results, totals = imports.run(report(*REPORT, encoding=encoding), "r.csv", reader, now=NOW)
    assert (len(results), totals.net_minor) == (4, 9_090)


def test_the_header_is_found_under_a_title_with_stray_spaces_and_full_width():
    stray = "　订单编号, 总金额 ,买家实际\u3000支付金额,收货地址 ,订单创建时间\t,订单付款时间 ,退款金额 ,备注"
    data = ("二月订单报表\n" + "\n".join([stray, *REPORT])).encode()
    results, totals = imports.run(data, "r.csv", channels.reader_of("tmall-report"), now=NOW)
    assert ([result.row for result in results], totals.net_minor) == ([3, 4, 5, 6], 9_090)


def test_full_width_digits_and_excels_days_are_read():
    book("２０,￥１００.５０,100.50元,重庆,2026/2/3 5:04,46056.25,0")
    told = order("20")
    assert told.total_minor == 10_050
    assert told.placed_at == datetime(2026, 2, 2, 21, 4, tzinfo=UTC)
    assert told.paid_at == datetime(2026, 2, 2, 22, 0, tzinfo=UTC)


def test_a_file_of_something_else_is_refused_with_the_columns_named():
    with pytest.raises(ColumnsMissing) as refused:
        imports.run(b"a,b\n1,2\n", "x.csv", channels.reader_of("tmall-report"), now=NOW)
    assert "订单付款时间" in str(refused.value)
    assert session.scalar(select(func.count()).select_from(ImportRun)) == 0


def test_an_unknown_channel_is_refused():
    with pytest.raises(channels.ChannelUnknown) as refused:
        channels.reader_of("pigeon-post")
    assert refused.value.facts["known"] == "tmall-report"


def test_every_run_is_recorded_with_its_file():
    book(*REPORT)
    made = session.scalars(select(ImportRun)).one()
    session.refresh(made)
    assert (made.filename, made.encoding, made.rows, made.accepted) == ("report.csv", "utf-8", 4, 4)
    assert len(made.sha256) == 32


def test_a_file_larger_than_a_chunk_is_one_import(monkeypatch):
    monkeypatch.setattr(imports, "CHUNK_ROWS", 3)
    rows = [f"{n},1.01,1.01,湖南省,2026-02-20 22:00:00,2026-02-20 22:00:05,0.0" for n in range(10)]
    results, totals = book(*rows, rows[0])
    assert imports.counts(results)["accepted"] == 10
    assert results[-1].reason.code == "row_repeats"
    assert totals.gross_minor == ledger.balance("channel:tmall-report") == 1_010


class TestCommand:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        path = tmp_path / "报表 二月.csv"
        path.write_bytes(report(*REPORT, "5,100.0"))
        return path

    def test_prints_one_json_object_and_names_rows_beside_it(self, race_db, file, capsys):
        assert command.import_orders([str(file), "--channel", "tmall-report", "--json"]) == 0
        out, err = capsys.readouterr()
        assert json.loads(out) == {
            "rows": 5, "accepted": 4, "updated": 0, "unchanged": 0, "held": 0, "rejected": 1,
            "orders": 4, "paid": 3, "gross_minor": 17_350, "refunded_minor": 8_260, "net_minor": 9_090,
        }  # fmt: skip
        assert err.splitlines() == ["第 6 行 5 退回: 缺少“买家实际支付金额”。"]

    def test_writes_what_became_of_every_row(self, race_db, file, tmp_path):
        result = tmp_path / "result.csv"
        assert command.import_orders([str(file), "--channel", "tmall-report", "--result", str(result)]) == 0
        lines = list(csv.reader(io.StringIO(result.read_text("utf-8-sig"))))
        assert len(lines) == 6
        assert lines[-1] == ["6", "5", "退回", "缺少“买家实际支付金额”。"]

    def test_refuses_what_it_cannot_book_and_leaves_nothing(self, race_db, file, tmp_path, capsys):
        assert command.import_orders([str(file), "--channel", "pigeon-post"]) == 2
        assert command.import_orders([str(tmp_path / "none.csv"), "--channel", "tmall-report"]) == 2
        (tmp_path / "big.csv").write_bytes(b"x" * (sheets.BYTES_MAX + 1))
        assert command.import_orders([str(tmp_path / "big.csv"), "--channel", "tmall-report"]) == 2
        assert "pigeon-post" in capsys.readouterr().err
        with db.transaction():
            assert session.scalar(select(func.count()).select_from(ImportRun)) == 0
