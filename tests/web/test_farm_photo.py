"""A farmer lists a product with a photo as phones make them."""

import io

from PIL import Image
from sqlalchemy import select

from core.db import session
from core.permissions import Role
from shop.photos import ProductPhoto
from shop.products import Product
from tests import make


def test_a_product_is_listed_with_its_photo(client, login) -> None:
    farmer = make.user(roles=[Role.FARMER])
    farm = make.farm(member_id=farmer.id)
    out = io.BytesIO()
    Image.effect_noise((1400, 1400), 80).convert("RGB").save(out, "JPEG", quality=95)
    assert len(out.getvalue()) > 1_000_000
    form = {"farm": str(farm.id), "name": "溆浦黄桃", "kind": "fresh", "jin": "5", "yuan": "29.9", "key": "k" * 32}
    headers = login(client, farmer) | {"Idempotency-Key": "k" * 32}
    answer = client.post(
        "/farm/products/new", data=form | {"photo": (io.BytesIO(out.getvalue()), "p.jpg")}, headers=headers
    )
    assert answer.status_code in {302, 303}, answer.text
    product_id = session.scalars(select(Product.id).where(Product.name == "溆浦黄桃")).one()
    assert session.scalars(select(ProductPhoto.product_id)).all() == [product_id]
