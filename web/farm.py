"""The farm desk: my fruit today, the money owed to me, a new product, a new lot, the weigh-in."""

from datetime import timedelta
from uuid import UUID

from flask import Blueprint, Response, make_response, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from core import auth, clock
from core.auth import requires
from core.db import session
from core.errors import Refusal
from core.once import once
from core.permissions import Permission
from orders import ledger
from shop import farms, harvest, lots, packs, photos, products
from shop.api.photos import expect_picture
from shop.farms import Farm
from shop.lots import HarvestLot, LotStatus
from shop.packs import Pack, PackStatus
from shop.presale import READY
from shop.products import Product, ProductKind, ProductStatus
from web import forms, pages

blueprint = Blueprint("farm", __name__)
SHOWN = 100
ENTRIES = 10
FRESH_DAYS = 7


@blueprint.get("/farm")
@requires(Permission.PRODUCT_MANAGE)
def desk() -> str:
    """Each of my farms: what it sells, what lies there, what it is owed."""
    return _desk(None)


@blueprint.before_request
def make_room() -> None:
    """The form of a new product brings its photo, which is larger than other forms."""
    if request.endpoint == f"{blueprint.name}.{add_product.__name__}":
        expect_picture()


@blueprint.get("/farm/products/new")
@requires(Permission.PRODUCT_MANAGE)
def new_product() -> str:
    """The form for a product with its first pack and photo."""
    return _product_form(None)


@blueprint.post("/farm/products/new")
@requires(Permission.PRODUCT_MANAGE)
@once
def add_product() -> Response:
    """List a product: name, photo, one pack, a price."""
    who, now = auth.current(), clock.now()
    try:
        with session.begin_nested():
            farm = farms.find(forms.uuid(request.form.get("farm", "")), who=who)
            name, net_g = request.form.get("name", "").strip(), forms.grams_of_jin("jin")
            product = products.add(
                farm, name=name, kind=ProductKind(request.form.get("kind", "fresh")),
                variety=request.form.get("variety", "").strip(),
                description=request.form.get("description", "").strip(),
                by=who.user_id, now=now,
            )  # fmt: skip
            packs.add(
                product, name=request.form.get("pack_name", "").strip() or f"{net_g / forms.JIN_G:g}斤装(净重)",
                net_g=net_g, tare_g=forms.optional_whole("tare_g") or 0, price_minor=forms.fen_of_yuan("yuan"),
                ships=forms.ship_window(), by=who.user_id, now=now,
            )  # fmt: skip
            photo = request.files.get("photo")
            if photo is not None and photo.filename:
                photos.add(product, photo.stream, by=who.user_id, now=now)
            products.list_for_sale(product, by=who.user_id, now=now)
    except Refusal as refusal:
        return make_response(_product_form(refusal), refusal.status)
    return pages.redirect(url_for("farm.new_lot", product_id=product.id))


@blueprint.get("/farm/products/<uuid:product_id>/lots/new")
@requires(Permission.LOT_MANAGE)
def new_lot(product_id: UUID) -> str:
    """The form for what can be picked."""
    return _lot_form(_product(product_id), None)


@blueprint.post("/farm/products/<uuid:product_id>/lots/new")
@requires(Permission.LOT_MANAGE)
@once
def add_lot(product_id: UUID) -> Response:
    """Open a lot on its low bound."""
    who, product = auth.current(), _product(product_id)
    try:
        with session.begin_nested():
            lots.add(
                product, low_g=forms.grams_of_jin("low"), likely_g=forms.grams_of_jin("likely"),
                high_g=forms.grams_of_jin("high"), ready_on=forms.day("ready_on"), best_before=forms.day("best_before"),
                by=who.user_id, now=clock.now(),
            )  # fmt: skip
    except Refusal as refusal:
        return make_response(_lot_form(product, refusal), refusal.status)
    return pages.redirect(url_for("farm.desk"))


@blueprint.post("/farm/lots/<uuid:lot_id>/weigh-in")
@requires(Permission.LOT_MANAGE)
@once
def weigh_in(lot_id: UUID) -> Response:
    """The scale takes the place of the estimate."""
    lot = lots.find(lot_id, who=auth.current())
    try:
        with session.begin_nested():
            harvest.weigh_in(lot, weighed_g=forms.grams_of_jin("jin"), by=auth.current().user_id, now=clock.now())
    except Refusal as refusal:
        return make_response(_desk(refusal, lot_id), refusal.status)
    return pages.redirect(url_for("farm.desk"))


@blueprint.post("/farm/products/<uuid:product_id>/stop")
@requires(Permission.PRODUCT_MANAGE)
def stop(product_id: UUID) -> Response:
    """Take a product off sale; again puts it back."""
    product, who, now = _product(product_id), auth.current(), clock.now()
    wanted = ProductStatus.LISTED if product.status is ProductStatus.STOPPED else ProductStatus.STOPPED
    products.move_to(product, wanted, by=who.user_id, now=now)
    return pages.redirect(url_for("farm.desk"))


@blueprint.post("/farm/packs/<uuid:pack_id>/days")
@requires(Permission.PACK_MANAGE)
def set_days(pack_id: UUID) -> Response:
    """Move the days of a presale, or sell from now on what is ready; who ordered before keeps the days of then."""
    pack = packs.find(pack_id, among=packs.kept_by(auth.current()))
    try:
        with session.begin_nested():
            ships = READY if request.form.get("deed") == "ready" else forms.ship_window()
            packs.change(pack, ships._asdict(), by=auth.current().user_id, now=clock.now())
    except Refusal as refusal:
        return make_response(_desk(refusal, pack_id), refusal.status)
    return pages.redirect(url_for("farm.desk"))


def _presales() -> list[Pack]:
    """My packs that are sold before their harvest."""
    query = packs.kept_by(auth.current()).where(Pack.ships_by.is_not(None), Pack.status == PackStatus.LISTED)
    return list(session.scalars(query.order_by(Pack.ships_by, Pack.id).limit(SHOWN)))


def _desk(refusal: Refusal | None, refused: UUID | None = None) -> str:
    """The desk; where a lot's weight was refused, the words stand at that lot."""
    mine = session.scalars(farms.visible_to(auth.current()).order_by(Farm.id).limit(SHOWN)).all()
    accounts = [f"farm:{farm.id}" for farm in mine]
    owed = ledger.balances(accounts)
    goods = session.scalars(products.kept_by(auth.current()).order_by(Product.id.desc()).limit(SHOWN)).all()
    open_lots = session.scalars(
        lots.visible_to(auth.current())
        .where(HarvestLot.status == LotStatus.OPEN)
        .order_by(HarvestLot.id.desc())
        .limit(SHOWN)
    ).all()
    return render_template(
        "farm.html", farms=mine, goods=goods, lots=open_lots, entries=_entries(accounts), entry_word=ledger.words,
        owed_minor=-sum(owed.values()), today=clock.local_day(clock.now()),
        refusal=refusal, refused=refused, given=request.form, presales=_presales(),
    )  # fmt: skip


def _entries(accounts: list[str]) -> list[ledger.Entry]:
    """The last bookings of my farms."""
    query = select(ledger.Entry).where(ledger.Entry.account.in_(accounts)).options(joinedload(ledger.Entry.transaction))
    return list(session.scalars(query.order_by(ledger.Entry.id.desc()).limit(ENTRIES)))


def packs_of(product: Product) -> list[Pack]:
    """The sizes a product is sold in."""
    return list(session.scalars(select(Pack).where(Pack.product_id == product.id).order_by(Pack.net_g)))


def _product(product_id: UUID) -> Product:
    return products.find(product_id, among=products.kept_by(auth.current()))


def _product_form(refusal: Refusal | None) -> str:
    mine = session.scalars(farms.visible_to(auth.current()).order_by(Farm.id).limit(SHOWN)).all()
    return render_template(
        "farm_product.html", farms=mine, kinds=list(ProductKind), given=request.form, refusal=refusal
    )


def _lot_form(product: Product, refusal: Refusal | None) -> str:
    today = clock.local_day(clock.now())
    return render_template(
        "farm_lot.html", product=product, packs=packs_of(product), given=request.form, refusal=refusal,
        today=today, last=today + timedelta(days=FRESH_DAYS),
    )  # fmt: skip
