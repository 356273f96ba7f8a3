"""Labels over HTTP: issued with POST, which counts the print; read with GET, as often as the printer jams."""

from typing import Any

from flask import Response
from marshmallow import fields, validate

from core import auth, clock
from core.aside import aside
from core.auth import requires
from core.once import once
from core.permissions import Permission
from core.schemas import Moment, Schema
from core.web import Blueprint
from logistics import parcels
from logistics.api.parcels import mine
from logistics.labels import issue, pdf, tspl, zpl
from logistics.labels.issue import Label
from logistics.parcels import Parcel

blueprint = Blueprint("labels", __name__, description="Labels: PDF, ZPL, TSPL")

PRINTERS = {
    "pdf": (pdf.render, "application/pdf"),
    "zpl": (zpl.render, "text/plain; charset=utf-8"),
    "tspl": (tspl.render, "text/plain; charset=gb18030"),
}


class LabelOut(Schema):
    """A label; `sort_code` is null where a person has to sort."""

    sort_code = fields.String(allow_none=True)
    marker = fields.String()
    prints = fields.Integer()
    issued_at = Moment()


class LabelArgs(Schema):
    """For which kind of printer."""

    format = fields.String(load_default="pdf", validate=validate.OneOf(list(PRINTERS)))


class LabelsArgs(LabelArgs):
    """Up to a hundred labels in one document, in this order."""

    number = fields.List(fields.String(), required=True, validate=validate.Length(1, 100))


@blueprint.post("/parcels/<number>/label")
@requires(Permission.PARCEL_PACK)
@once
@blueprint.response(201, LabelOut)
def label_parcel(number: str) -> Label:
    """Issue the label, or count one more print of it. The document is read with GET."""
    return issue.label(mine(number), by=auth.current().user_id, now=clock.now())


@blueprint.get("/parcels/<number>/label")
@requires(Permission.PARCEL_PACK)
@blueprint.arguments(LabelArgs, location="query")
@blueprint.response(200)
def print_label(args: dict[str, Any], number: str) -> Response:
    """The valid label as a document for the printer."""
    return _document([mine(number)], args["format"])


def _document(boxes: list[Parcel], form: str) -> Response:
    render, mimetype = PRINTERS[form]
    return Response(aside(render, issue.contents_of(boxes, now=clock.now())), content_type=mimetype)


@blueprint.get("/parcels/labels")
@requires(Permission.PARCEL_PACK)
@blueprint.arguments(LabelsArgs, location="query")
@blueprint.response(200)
def print_labels(args: dict[str, Any]) -> Response:
    """The valid labels of several parcels as one document."""
    boxes = parcels.by_numbers(args["number"], parcels.visible_to(auth.current()))
    return _document(boxes, args["format"])
