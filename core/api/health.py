"""Whether the process lives, whether it can work, and its figures."""

import ipaddress

from flask import Response, jsonify, request
from sqlalchemy import text

from core import metrics
from core.auth import public
from core.db import session
from core.errors import NotFound
from core.web import Blueprint

UNKNOWN = "192.0.2.0"
"""Nobody's address (RFC 5737): a caller without one is not on this machine."""

blueprint = Blueprint("health", __name__, description="Health")


@blueprint.get("/healthz")
@public
def healthz() -> Response:
    """The process answers."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
@public
def readyz() -> Response:
    """The process and its database answer."""
    session.execute(text("SELECT 1"))
    return jsonify(status="ready")


@blueprint.get("/metrics")
@public
def figures() -> Response:
    """Figures for Prometheus, to callers on this machine only."""
    if not ipaddress.ip_address(request.remote_addr or UNKNOWN).is_loopback:
        raise NotFound()
    body, content_type = metrics.text()
    return Response(body, content_type=content_type)
