"""Signing in and out for programs: a phone and a password for a bearer token."""

from typing import Any

from flask import Response, g, request
from marshmallow import fields, validate

from core import auth, clock
from core.auth import public, requires
from core.permissions import Permission
from core.schemas import Schema
from core.users import User, by_id
from core.web import Blueprint

blueprint = Blueprint("login", __name__, description="Signing in")


class LoginIn(Schema):
    """Phone and password."""

    phone = fields.String(required=True, validate=validate.Length(1, 32))
    password = fields.String(required=True, validate=validate.Length(1, 128))


class LoginOut(Schema):
    """The token goes into `Authorization: Bearer …`; it is shown this once."""

    token = fields.String()
    user_id = fields.UUID()
    name = fields.String()
    roles = fields.List(fields.String())


class MeOut(Schema):
    """Who the caller is and what he may do."""

    user_id = fields.UUID()
    name = fields.String()
    roles = fields.List(fields.String())
    permissions = fields.List(fields.String())
    language = fields.String()


@blueprint.post("/login")
@public
@blueprint.arguments(LoginIn)
@blueprint.response(200, LoginOut)
def sign_in(given: dict[str, str]) -> dict[str, Any]:
    """Sign in. Five wrong passwords in a quarter of an hour from a strange device."""
    address = request.remote_addr or ""
    agent = request.headers.get("User-Agent", "")
    token, user = auth.sign_in(given["phone"], given["password"], address=address, agent=agent, now=clock.now())
    return {"token": token, "user_id": user.id, "name": user.name, "roles": user.roles}


@blueprint.post("/logout")
@requires(Permission.SESSION_MANAGE)
@blueprint.response(204)
def sign_out() -> Response:
    """End this session, everywhere at once."""
    auth.sign_out(g.token)
    return Response(status=204)


@blueprint.get("/me")
@requires(Permission.SESSION_MANAGE)
@blueprint.response(200, MeOut)
def me() -> dict[str, Any]:
    """Who is signed in."""
    who = auth.current()
    found: User | None = by_id(who.user_id)
    language = found.language if found else who.language
    return {
        "user_id": who.user_id,
        "name": who.name,
        "roles": sorted(who.roles),
        "permissions": sorted(who.permissions),
        "language": language,
    }
