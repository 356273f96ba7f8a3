"""Photos of products: cleaned by `core.photos`, kept in the state folder, served by id."""

from datetime import datetime
from typing import BinaryIO
from uuid import UUID

from sqlalchemy import ForeignKey, Select, func, select
from sqlalchemy.orm import Mapped, mapped_column

from core import photos, throttle
from core.aside import aside
from core.auth import Who
from core.db import Id, Model, new_id, session
from core.errors import Conflict, NotFound
from core.i18n import _
from core.jobs import job
from shop import products
from shop.products import Product

PHOTOS_MAX = 8
A_DAY = 20


class PhotoUnknown(NotFound):
    """There is no such photo, or the caller may not see its product."""

    message = _("没有找到这张照片。")


class TooManyPhotos(Conflict):
    """A product has all the photos it may have."""

    message = _("一个商品最多 {most} 张照片，请先删掉一张。")


class ProductPhoto(Model):
    """One picture of a product; the one with the lowest position stands for it."""

    __tablename__ = "product_photos"

    id: Mapped[Id]
    product_id: Mapped[UUID] = mapped_column(ForeignKey("products.id"), index=True)
    file: Mapped[str]
    """Its random name in the state folder."""
    sha256: Mapped[str]
    width: Mapped[int]
    height: Mapped[int]
    position: Mapped[int]
    created_at: Mapped[datetime]


def add(product: Product, stream: BinaryIO, *, by: UUID, now: datetime) -> ProductPhoto:
    """Keep a clean copy of a picture as the last of the product.

    Raises PhotoUnreadable, PhotoTooLarge, TooManyPhotos, TooMany (20 a day a person).
    """
    throttle.allow(f"photo:{by}", rate=A_DAY, per_s=86_400, burst=A_DAY, now=now)
    session.refresh(product, with_for_update=True)
    count, last = session.execute(
        select(func.count(), func.max(ProductPhoto.position)).where(ProductPhoto.product_id == product.id)
    ).one()
    if count >= PHOTOS_MAX:
        raise TooManyPhotos(most=PHOTOS_MAX)
    clean = aside(photos.clean, stream)
    photo = ProductPhoto(
        id=new_id(now),
        product_id=product.id,
        file=photos.store(clean),
        sha256=clean.sha256,
        width=clean.width,
        height=clean.height,
        position=0 if last is None else last + 1,
        created_at=now,
    )
    session.add(photo)
    session.flush()
    return photo


def remove(photo: ProductPhoto) -> None:
    """Take a photo away; its file goes once that is certain."""
    session.delete(photo)
    session.flush()
    shred.later(name=photo.file)


@job()
def shred(name: str) -> None:
    """Delete the file of a photo that was taken away; gone already is gone."""
    photos.remove(name)


def visible_to(who: Who | None) -> Select[ProductPhoto]:
    """The photos of the products that a person may see."""
    seen = products.visible_to(who).with_only_columns(Product.id)
    return select(ProductPhoto).where(ProductPhoto.product_id.in_(seen))


def kept_by(who: Who) -> Select[ProductPhoto]:
    """The photos that a person may take away."""
    return select(ProductPhoto).where(ProductPhoto.product_id.in_(products.kept_by(who).with_only_columns(Product.id)))


def find(photo_id: UUID, *, among: Select[ProductPhoto]) -> ProductPhoto:
    """One photo of those given. Raises PhotoUnknown."""
    photo = session.scalar(among.where(ProductPhoto.id == photo_id))
    if photo is None:
        raise PhotoUnknown()
    return photo
