"""An order report for benchmarks: the real file that ORDER_REPORT names, or a made-up one of the same size and shape.

It is read here once more by plain means, so that what the house says of it can be compared with something.
"""

import csv
import io
import os
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

ROWS = 28_010
SEED = 20_200_201
PROVINCES = (
    "上海", "北京", "天津", "重庆", "广东省", "江苏省", "浙江省", "山东省", "辽宁省", "四川省", "湖南省", "河北省",
    "河南省", "福建省", "云南省", "陕西省", "安徽省", "贵州省", "江西省", "吉林省", "黑龙江省", "海南省", "湖北省",
    "内蒙古自治区", "广西壮族自治区", "新疆维吾尔自治区", "宁夏回族自治区", "西藏自治区",
)  # fmt: skip
HEADER = "订单编号,总金额,买家实际支付金额,收货地址 ,订单创建时间,订单付款时间 ,退款金额"


@dataclass(frozen=True)
class Row:
    """One order of the report, amounts in fen."""

    number: str
    total_minor: int
    refunded_minor: int
    province: str
    placed: str
    paid: bool

    @property
    def end(self) -> str:
        """What became of it: unpaid, refunded (in whole) or kept (also in part)."""
        if not self.paid:
            return "unpaid"
        return "refunded" if self.refunded_minor == self.total_minor else "kept"


@dataclass(frozen=True)
class Sums:
    """What orders add up to; the amounts are those of the paid ones."""

    orders: int
    paid: int
    gross_minor: int
    refunded_minor: int

    @property
    def net_minor(self) -> int:
        return self.gross_minor - self.refunded_minor


def data() -> tuple[bytes, str]:
    """The file and what to call it."""
    given = os.environ.get("ORDER_REPORT")
    return (Path(given).read_bytes(), "given") if given else (made_up(), "made up")


def read(file: bytes) -> list[Row]:
    """The orders of a report."""
    lines = csv.DictReader(io.StringIO(file.decode("utf-8-sig"), newline=""))
    named = ({name.strip(): cell for name, cell in line.items()} for line in lines)
    return [
        Row(one["订单编号"], _fen(one["总金额"]), _fen(one["退款金额"]), one["收货地址"], one["订单创建时间"],
            bool(one["订单付款时间"]))
        for one in named
    ]  # fmt: skip


def sums(rows: list[Row]) -> Sums:
    """What these orders add up to."""
    paid = [row for row in rows if row.paid]
    return Sums(len(rows), len(paid), sum(row.total_minor for row in paid), sum(row.refunded_minor for row in paid))


def made_up() -> bytes:
    """The same bytes every time: a month of orders, one in seven never paid, one in five of the paid ones refunded."""
    dice = random.Random(SEED)
    placed = sorted((dice.randrange(29 * 86_400) for _row in range(ROWS)), reverse=True)
    lines = [_line(dice, number, second) for number, second in enumerate(placed, 1)]
    return "\r\n".join([HEADER, *lines, ""]).encode()


def _line(dice: random.Random, number: int, second: int) -> str:
    total = min(round(dice.lognormvariate(8.5, 1.0)) + 100, 9_999_900)
    total -= total % 10 if dice.random() < 0.98 else 0
    placed = datetime(2020, 2, 1) + timedelta(seconds=second)  # noqa: DTZ001  # as the platform writes it
    luck = dice.random()
    if luck < 0.14:
        return f"{number},{_yuan(total)},0.0,{dice.choice(PROVINCES)},{placed},,0.0"
    refunded = total if luck < 0.32 else dice.randrange(1, total) if luck < 0.34 else 0
    paid = placed + timedelta(seconds=dice.randrange(2, 900))
    kept = _yuan(total - refunded)
    return f"{number},{_yuan(total)},{kept},{dice.choice(PROVINCES)},{placed},{paid},{_yuan(refunded)}"


def _yuan(minor: int) -> str:
    """52.5, as the platform writes it."""
    return str(Decimal(minor) / 100) if minor % 100 else f"{minor // 100}.0"


def _fen(yuan: str) -> int:
    return int(Decimal(yuan) * 100)
