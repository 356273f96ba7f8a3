"""Photos over HTTP: pictures only, served as nothing but pictures, seen by those who may see the product."""

import io
from itertools import pairwise
from uuid import UUID

import pytest
from PIL import Image

from core import photos
from core.db import session
from core.permissions import Role
from core.testing import run_jobs
from shop import products
from shop.photos import PHOTOS_MAX, ProductPhoto
from shop.products import Product
from tests import make
from tests.make.shop import MORNING

SCRIPT = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"


def picture(width: int = 64, height: int = 48, kind: str = "PNG") -> bytes:
    """A plain peach-coloured picture."""
    out = io.BytesIO()
    Image.new("RGB", (width, height), "#f08a4b").save(out, kind)
    return out.getvalue()


@pytest.fixture
def farmer():
    """A person with the role of a farmer."""
    return make.user(roles=[Role.FARMER])


@pytest.fixture
def headers(client, login, farmer, product) -> dict[str, str]:
    """The farmer, signed in when his product is there."""
    return login(client, farmer)


@pytest.fixture
def product(farmer) -> UUID:
    """A listed product of the farmer, by its id: rows of a refused request are gone from the session."""
    return make.product(farm=make.farm(member_id=farmer.id)).id


def send(client, headers, product: UUID, raw: bytes, name: str = "peach.png"):
    url = f"/api/v1/products/{product}/photos"
    return client.post(url, data={"photo": (io.BytesIO(raw), name, "image/png")}, headers=headers)


def test_a_photo_is_kept_shrunk_and_served_as_nothing_but_a_picture(client, headers, product) -> None:
    sent = send(client, headers, product, picture(3200, 1600), name="../../evil.html")
    assert sent.status_code == 201, sent.json
    assert (sent.json["width"], sent.json["height"], sent.json["position"]) == (1600, 800, 0)
    got = client.get(f"/api/v1/photos/{sent.json['id']}")
    assert got.status_code == 200
    assert got.content_type == "image/jpeg"
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert got.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert got.headers["Content-Disposition"] == f'inline; filename="{sent.json["id"]}.jpg"'
    assert Image.open(io.BytesIO(got.data)).size == (1600, 800)
    again = client.get(f"/api/v1/photos/{sent.json['id']}", headers={"If-None-Match": got.headers["ETag"]})
    assert again.status_code == 304


@pytest.mark.parametrize("raw", [SCRIPT, b"#!/bin/sh\nrm -rf /", b"%PDF-1.4", b"", picture(kind="GIF"), picture()[:40]])
def test_a_script_is_no_photo_and_leaves_nothing(client, headers, product, raw: bytes) -> None:
    answer = send(client, headers, product, raw)
    assert (answer.status_code, answer.json["code"]) == (422, "photo_unreadable")
    assert session.query(ProductPhoto).count() == 0
    assert client.get(f"/api/v1/products/{product}").json["photos"] == []


def test_a_photo_as_phones_make_them_passes(client, headers, product) -> None:
    noise = Image.effect_noise((1400, 1400), 80).convert("RGB")
    out = io.BytesIO()
    noise.save(out, "JPEG", quality=95)
    assert len(out.getvalue()) > 1_000_000
    sent = send(client, headers, product, out.getvalue())
    assert sent.status_code == 201, sent.json


def test_a_form_without_a_photo_is_refused(client, headers, product) -> None:
    url = f"/api/v1/products/{product}/photos"
    assert client.post(url, data={"note": "x"}, headers=headers).json["code"] == "photo_unreadable"


def test_a_huge_photo_is_refused(client, headers, product) -> None:
    pixels = send(client, headers, product, picture(6000, 6000))
    assert (pixels.status_code, pixels.json["code"]) == (413, "photo_too_large")
    weight = send(client, headers, product, picture() + b"\0" * photos.BYTES_MAX)
    assert (weight.status_code, weight.json["code"]) == (413, "photo_too_large")
    whole = send(client, headers, product, b"\0" * (photos.BYTES_MAX + 200_000))
    assert (whole.status_code, whole.json["code"]) == (413, "too_large")


def test_photos_stand_in_the_order_in_which_they_came_and_are_bounded(client, headers, product) -> None:
    sent = [send(client, headers, product, picture()).json for _number in range(PHOTOS_MAX)]
    assert all(one["position"] < other["position"] for one, other in pairwise(sent))
    refused = send(client, headers, product, picture())
    assert (refused.status_code, refused.json["code"]) == (409, "too_many_photos")
    detail = client.get(f"/api/v1/products/{product}").json
    assert [photo["id"] for photo in detail["photos"]] == [photo["id"] for photo in sent]
    assert detail["photo_id"] == sent[0]["id"]


def test_a_photo_that_is_taken_away_leaves_the_disk_too(client, headers, product) -> None:
    sent = send(client, headers, product, picture()).json
    photo = session.get_one(ProductPhoto, sent["id"])
    place = photos.path(photo.file)
    assert client.delete(f"/api/v1/photos/{sent['id']}", headers=headers).status_code == 204
    assert client.get(f"/api/v1/photos/{sent['id']}").json["code"] == "photo_unknown"
    assert place.exists()
    run_jobs()
    assert not place.exists()


def test_photos_of_a_stopped_product_are_seen_by_its_farm_only(client, headers, product) -> None:
    url = f"/api/v1/photos/{send(client, headers, product, picture()).json['id']}"
    products.stop(session.get_one(Product, product), by=None, now=MORNING)
    assert client.get(url).status_code == 404
    own = client.get(url, headers=headers)
    assert own.status_code == 200
    assert own.headers["Cache-Control"] == "private, no-store"


def test_a_foreign_product_takes_no_photos(client, headers, product, login) -> None:
    stranger = login(client, make.user(roles=[Role.FARMER]))
    assert send(client, stranger, product, picture()).json["code"] == "product_unknown"
    url = f"/api/v1/photos/{send(client, headers, product, picture()).json['id']}"
    assert client.delete(url, headers=stranger).status_code == 404
    assert send(client, {}, product, picture()).status_code == 401


def test_one_person_sends_twenty_photos_a_day(client, headers, product, farmer) -> None:
    farm = make.farm(member_id=farmer.id)
    others = [product, *(make.product(farm=farm).id for _number in range(2))]
    answers = [send(client, headers, others[number // 8], picture()) for number in range(21)]
    assert [answer.status_code for answer in answers[:20]] == [201] * 20
    assert (answers[20].status_code, answers[20].json["code"]) == (429, "too_many")
