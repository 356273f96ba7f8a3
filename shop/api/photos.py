"""Photos of products over HTTP: sent as a form, served by id and never under a name or type of their sender's."""

from http import HTTPStatus
from typing import BinaryIO, cast
from uuid import UUID

from flask import Response, request, send_file

from core import auth, clock, photos
from core.auth import public, requires
from core.permissions import Permission
from core.photos import PhotoUnreadable
from core.web import Blueprint
from shop import photos as product_photos
from shop import products
from shop.api.products import PhotoOut
from shop.photos import ProductPhoto

blueprint = Blueprint("photos", __name__, description="Photos of products")

FORM_BYTES_MAX = photos.BYTES_MAX + 64 * 1024
"""The picture and what a form wraps around it."""
FORM_MEMORY = 256 * 1024
KEPT_S = 86_400
FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["photo"],
                    "properties": {"photo": {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}


def expect_picture() -> None:
    """Let this request carry a picture; to be called before anybody looks into its form.

    The form parser reads 64 KB at a time and keeps what may be the start of its boundary, so it needs more than that.
    """
    request.max_content_length = FORM_BYTES_MAX
    request.max_form_memory_size = FORM_MEMORY


@blueprint.before_request
def make_room() -> None:
    """A picture may be larger than other bodies."""
    if request.endpoint == f"{blueprint.name}.{add.__name__}":
        expect_picture()


@blueprint.post("/products/<uuid:product_id>/photos")
@requires(Permission.PHOTO_UPLOAD)
@blueprint.doc(**FORM)
@blueprint.response(201, PhotoOut)
def add(product_id: UUID) -> ProductPhoto:
    """Add a picture (field `photo`: JPEG, PNG or WebP, up to 12 MB). Only its pixels are kept."""
    who = auth.current()
    product = products.find(product_id, among=products.kept_by(who))
    sent = request.files.get("photo")
    if sent is None:
        raise PhotoUnreadable()
    return product_photos.add(product, cast("BinaryIO", sent.stream), by=who.user_id, now=clock.now())


@blueprint.get("/photos/<uuid:photo_id>")
@public
@blueprint.doc(responses={"200": {"description": "The picture", "content": {"image/jpeg": {}}}})
def read(photo_id: UUID) -> Response:
    """The picture itself."""
    who = auth.current_or_none()
    photo = product_photos.find(photo_id, among=product_photos.visible_to(who))
    response = send_file(photos.path(photo.file), mimetype="image/jpeg", etag=photo.sha256, max_age=KEPT_S)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Content-Disposition"] = f'inline; filename="{photo.id}.jpg"'
    if who is not None:
        response.headers["Cache-Control"] = "private, no-store"
    return response


@blueprint.delete("/photos/<uuid:photo_id>")
@requires(Permission.PHOTO_UPLOAD)
@blueprint.response(HTTPStatus.NO_CONTENT)
def remove(photo_id: UUID) -> None:
    """Take a picture away."""
    product_photos.remove(product_photos.find(photo_id, among=product_photos.kept_by(auth.current())))
