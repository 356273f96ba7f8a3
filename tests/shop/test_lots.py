"""A lot is opened in good order, and closed when nobody remembers it."""

from datetime import timedelta

import pytest

from core.db import session
from shop import lots
from shop.lots import EstimateDisordered, LotClosed, LotNotReady, LotPastDate, LotStatus
from shop.presale import Days
from tests import make
from tests.make.shop import MORNING

TODAY = MORNING.date()
DAY = timedelta(days=1)


def test_a_code_names_the_branch_the_day_and_a_number() -> None:
    first, second = make.lot(), make.lot()
    branch, day, number = first.code.split("-")
    assert (len(branch), day, first.code != second.code) == (6, "260813", True)
    assert number.isdecimal()


def test_a_lot_is_fit_from_its_ready_day_to_its_last() -> None:
    lot = make.lot(ready_on=TODAY, best_before=TODAY + DAY)
    assert isinstance(lots.unfit(lot, Days(TODAY - DAY, TODAY - DAY)), LotNotReady)
    assert lots.unfit(lot, Days(TODAY, TODAY)) is None
    assert lots.unfit(lot, Days(TODAY + DAY, TODAY + DAY)) is None
    assert isinstance(lots.unfit(lot, Days(TODAY + 2 * DAY, TODAY + 2 * DAY)), LotPastDate)
    lot.status = LotStatus.CLOSED
    assert isinstance(lots.unfit(lot, Days(TODAY, TODAY)), LotClosed)


@pytest.mark.parametrize(("days", "status"), [(30, LotStatus.OPEN), (31, LotStatus.CLOSED)])
def test_a_lot_that_ended_a_month_ago_is_closed(days: int, status: LotStatus) -> None:
    lot = make.lot(best_before=TODAY)
    lots.close_old(int((MORNING + days * DAY).timestamp()))
    session.refresh(lot)
    assert lot.status is status


def test_a_lot_of_yesterday_cannot_be_opened() -> None:
    with pytest.raises(LotPastDate):
        make.lot(ready_on=TODAY - 3 * DAY, best_before=TODAY - DAY)


@pytest.mark.parametrize(
    "wrong", [{"low_g": 3, "likely_g": 2, "high_g": 4}, {"ready_on": TODAY + DAY, "best_before": TODAY}]
)
def test_an_estimate_goes_from_low_to_high_and_dates_from_first_to_last(wrong: dict) -> None:
    with pytest.raises(EstimateDisordered):
        make.lot(**wrong)
