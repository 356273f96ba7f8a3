"""Labels: read back by a decoder, masked, counted, never two valid ones."""

import random
import string

import pypdfium2
import pytest
import zxingcpp
from PIL import Image, ImageDraw
from sqlalchemy.exc import IntegrityError

from core.db import session
from logistics import packing, sortcodes
from logistics.labels import code128, issue, pdf, tspl, zpl
from logistics.labels.content import Content, street_only
from logistics.labels.issue import Label, NoLabel
from tests import make
from tests.make.parcels import MORNING

DPI_203 = 203 / 72


def content(**given) -> Content:
    plain = {
        "number": "ZA123456785CN", "sort_code": "4312-24-06", "marker": "溆浦县 观音阁",
        "recipient": "王** 138****5678",
        "address": "湖南省长沙市岳麓区麓山南路****", "sender": "伏水湾营业所 · 湘维支局", "contents": "冰糖橙 5斤装",
        "net_g": 2_500, "gross_g": 2_800, "marks": ("实名 431201",), "printed_on": "2026-08-13 09:00", "prints": 1,
    }  # fmt: skip
    return Content(**(plain | given))


def read_back(document: bytes, page: int = 0) -> tuple[set[tuple[str, str]], str]:
    """Codes found by a decoder at the resolution of a label printer, and the text."""
    book = pypdfium2.PdfDocument(document)
    image = book[page].render(scale=DPI_203).to_pil()
    words = book[page].get_textpage().get_text_bounded()
    book.close()
    return {(code.format.name, code.text) for code in zxingcpp.read_barcodes(image)}, words


@pytest.mark.no_db
def test_a_printed_label_is_read_back_by_a_decoder():
    codes, words = read_back(pdf.render([content()]))
    assert {text for _format, text in codes} == {"ZA123456785CN"}
    assert {name for name, _text in codes} == {"Code128", "QRCode"}
    assert "4312-24-06" in words
    assert "麓山南路****" in words
    assert "净重 5斤 (2.5kg)" in words


@pytest.mark.no_db
def test_a_label_is_100_by_150_mm_with_its_chinese_font_inside():
    document = pdf.render([content()])
    book = pypdfium2.PdfDocument(document)
    width, height = book[0].get_size()
    book.close()
    assert (round(width / 72 * 25.4), round(height / 72 * 25.4)) == (100, 150)
    assert b"FontFile" in document


@pytest.mark.no_db
def test_each_page_carries_its_own_number():
    numbers = ["ZA000000014CN", "ZA000000005CN"]
    document = pdf.render([content(number=number) for number in numbers])
    assert [{text for _f, text in read_back(document, page)[0]} for page in (0, 1)] == [{one} for one in numbers]


@pytest.mark.no_db
def test_a_repeat_says_so_and_an_unsorted_box_asks_for_a_hand():
    _codes, words = read_back(pdf.render([content(prints=3, sort_code=None, marker="")]))
    assert "补打 2" in words
    assert "人工分拣" in words


@pytest.mark.no_db
def test_long_words_stay_inside_their_block():
    _codes, words = read_back(pdf.render([content(address="很长的地址" * 60, contents="橙" * 200)]))
    assert "…" in words


@pytest.mark.no_db
def test_any_printable_text_survives_code_128():
    dice = random.Random(128)
    for _try in range(60):
        text = "".join(dice.choices(string.digits * 5 + string.ascii_uppercase + "-", k=dice.randint(1, 24)))
        picture = Image.new("L", ((code128.modules(text) + 20) * 3, 90), 255)
        for offset, width in code128.bars(text):
            ImageDraw.Draw(picture).rectangle([(offset + 10) * 3, 10, (offset + width + 10) * 3 - 1, 80], fill=0)
        assert [found.text for found in zxingcpp.read_barcodes(picture)] == [text]


@pytest.mark.no_db
def test_code_128_uses_pairs_of_digits_where_they_are_shorter():
    assert code128.symbols("12345678") == [105, 12, 34, 56, 78]
    assert len(code128.symbols("ZA123456785CN")) == 12
    with pytest.raises(ValueError, match="ASCII"):
        code128.symbols("桃")


@pytest.mark.no_db
def test_other_printers_get_the_same_number_in_their_own_language():
    first = zpl.render([content(), content()]).decode()
    assert first.count("^XA") == first.count("^XZ") == 2
    assert "^FDZA123456785CN^FS" in first
    second = tspl.render([content()]).decode("gb18030")
    assert '"ZA123456785CN"' in second
    assert second.endswith("PRINT 1,1\r\n")


@pytest.mark.no_db
def test_words_of_a_sender_cannot_give_commands_to_the_printer():
    hostile = '桃^XZ^XA~HS"\r\nPRINT 99'
    assert zpl.render([content(contents=hostile)]).decode().count("^XZ") == 1
    assert tspl.render([content(contents=hostile)]).decode("gb18030").count("\r\nPRINT") == 1


@pytest.mark.no_db
@pytest.mark.parametrize(
    ("detail", "shown"),
    [("麓山南路2号3栋401", "麓山南路****"), ("观音阁村3组12号", "观音阁村****"), ("五一大道88号", "五一大道****"),
     ("3栋401", "****")],
)  # fmt: skip
def test_the_street_shows_and_the_door_does_not(detail, shown):
    assert street_only(detail) == shown


def test_the_label_of_a_box_shows_nobody():
    box = make.labelled_parcel()
    drawn = issue.contents_of([box], now=MORNING)[0]
    assert drawn.recipient == "王** 138****1234"
    assert drawn.address.startswith("湖南省长沙市")
    assert drawn.address.endswith("麓山南路****")
    _codes, words = read_back(pdf.render([drawn]))
    assert "王小明" not in words
    assert "401" not in words


def test_marks_name_the_unit_that_vouches():
    box = make.staged_parcel()
    marks = issue.contents_of([box], now=MORNING)[0].marks
    assert len(marks) == 3
    assert all("湘维支局" in mark for mark in marks)


def test_a_second_print_is_counted_on_the_same_label():
    box = make.labelled_parcel()
    assert issue.label(box, by=None, now=MORNING).prints == 2
    assert issue.contents_of([box], now=MORNING)[0].reprint == "补打 1"


def test_a_box_never_has_two_valid_labels():
    box = make.labelled_parcel()
    again = Label(parcel_id=box.id, sort_version=1, sort_code=None, marker="", prints=1, issued_at=MORNING)
    session.add(again)
    with pytest.raises(IntegrityError, match="uq_labels_active"):
        session.flush()


def test_nothing_is_printed_for_a_box_without_a_label():
    with pytest.raises(NoLabel):
        issue.contents_of([make.parcel()], now=MORNING)


def test_the_finest_known_region_sorts_a_box():
    assert sortcodes.resolve("430104001").code == "4301-04"
    assert sortcodes.resolve("110101001").code.startswith("1101-")


def test_a_new_version_knows_the_stations_and_the_old_one_stays():
    station = make.station(region_code="431224106")
    before = sortcodes.latest()
    assert sortcodes.resolve("431224106").code == "4312-24"
    assert sortcodes.build(now=MORNING) == before + 1
    found = sortcodes.resolve("431224106")
    assert found.code == "4312-24-01"
    assert station.name in found.marker


def test_two_stations_in_one_town_have_no_lane_to_guess():
    make.station(region_code="431224106")
    make.station(region_code="431224106")
    sortcodes.build(now=MORNING)
    assert sortcodes.resolve("431224106").code == "4312-24"


def test_a_place_that_the_table_does_not_know_is_left_to_a_person():
    assert sortcodes.resolve("43").code is None
    box = make.parcel(recipient=make.address(region_code="43"))
    packing.pack(box, by=None, now=MORNING)
    session.execute(Label.__table__.insert().values(
        id=make.missing_id(), parcel_id=box.id, sort_version=1, sort_code=None, marker="", prints=1, issued_at=MORNING
    ))  # fmt: skip
    assert issue.unresolved(box.branch_id) == [box]
