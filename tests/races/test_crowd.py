"""Four processes with thirty-two threads each want the same: what is there is sold once, and all of it."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from sqlalchemy import select, text

from core.db import session, transaction
from orders import verify
from shop.lots import HarvestLot
from shop.offers import LiveOffer
from tests import make
from tests.races.crowd import THREADS, Answer, Wish, crowd

PROCESSES = 4
BOX_G = 2_500
NO_MORE = {"OfferSoldOut", "LotSoldOut"}


def offers_of_one_lot(boxes: int, *pools: int) -> list[UUID]:
    with transaction():
        room = make.live_session()
        pack = make.live_pack(room, low_g=boxes * BOX_G)
        return [make.live_offer(room, pack=pack, pool=pool).id for pool in pools]


def wishes_of(how_many: int, lines: list[tuple[tuple[UUID, int], ...]], name: str = "wish") -> list[Wish]:
    """So many buyers, each with the next of these baskets."""
    with transaction():
        return [Wish(f"{name} {one}", make.user().id, lines[one % len(lines)]) for one in range(how_many)]


def all_ask(url: str, wishes: list[Wish]) -> list[Answer]:
    def part(number: int) -> list[Answer]:
        with crowd(url, wishes[number::PROCESSES]) as (_process, answers):
            return list(answers)

    with ThreadPoolExecutor(PROCESSES) as pool:
        answers = [answer for some in pool.map(part, range(PROCESSES)) for answer in some]
    assert len(answers) == len(wishes), "nobody was left without an answer"
    return answers


def history_is_true(wishes: list[Wish], answers: list[Answer]) -> None:
    """Every order that was acknowledged is there with its movements, every refused one is not, and the sums agree."""
    by_key = {answer.key: answer for answer in answers}
    with transaction():
        placed = session.execute(text(
            "SELECT number, buyer_id, (SELECT sum(quantity) FROM order_lines WHERE order_id = orders.id) AS packs "
            "FROM orders"
        )).all()  # fmt: skip
        wanted = {by_key[wish.key].number: wish for wish in wishes if by_key[wish.key].number}
        assert {row.number for row in placed} == wanted.keys()
        for row in placed:
            assert row.buyer_id == wanted[row.number].buyer_id
            assert row.packs == sum(quantity for _offer, quantity in wanted[row.number].lines)
        sold = sum(row.packs for row in placed)
        moved = "SELECT sum(held_delta) FROM offer_movements", "SELECT sum(held_delta_g) FROM stock_movements"
        assert [session.scalar(text(question)) for question in moved] == [sold, sold * BOX_G]
        assert sum(session.scalars(select(LiveOffer.held))) == sold
        assert session.scalars(select(HarvestLot.held_g)).one() == sold * BOX_G
        assert verify.run() == []


def test_of_one_pool_every_box_is_sold_and_none_twice(race_db):
    (offer,) = offers_of_one_lot(400, 100)
    wishes = wishes_of(PROCESSES * THREADS, [((offer, 1),)])
    answers = all_ask(race_db, wishes)
    assert Counter(answer.refused for answer in answers) == {"": 100, "OfferSoldOut": 28}
    history_is_true(wishes, answers)


def test_two_offers_of_one_lot_asked_for_in_opposite_order_never_wait_for_each_other_in_a_ring(race_db):
    first, second = offers_of_one_lot(150, 500, 500)
    wishes = wishes_of(PROCESSES * THREADS, [((first, 1), (second, 1)), ((second, 1), (first, 1))])
    answers = all_ask(race_db, wishes)
    assert Counter(answer.refused for answer in answers) == {"": 75, "LotSoldOut": 53}
    history_is_true(wishes, answers)


def test_no_last_unit_is_stranded_while_somebody_asks_for_no_more_than_is_there(race_db):
    (offer,) = offers_of_one_lot(500, 201)
    wishes = wishes_of(PROCESSES * THREADS, [((offer, quantity),) for quantity in (2, 3, 5, 4)])
    answers = all_ask(race_db, wishes)
    assert {answer.refused for answer in answers} - {""} <= NO_MORE
    history_is_true(wishes, answers)
    refused = {answer.key for answer in answers if answer.refused}
    with transaction():
        left = session.scalars(select(LiveOffer.pool - LiveOffer.held - LiveOffer.sold)).one()
    assert refused
    assert all(wish.lines[0][1] > left for wish in wishes if wish.key in refused)
    singles = wishes_of(left + 1, [((offer, 1),)], "single")
    assert Counter(answer.refused for answer in all_ask(race_db, singles)) == Counter({"": left, "OfferSoldOut": 1})
