"""How the stand-in talks: bracketed forms in, Stripe's JSON and error shape out, idempotency keys that are kept."""

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec

from flask import Blueprint, Response, current_app, request

from orders.standin import faults
from orders.standin.errors import StripeSays, invalid
from orders.standin.store import Object, Store

P = ParamSpec("P")

AMOUNT_MAX = 99_999_999
KEY_MAX = 255
KEY_REUSED = "Keys for idempotent requests can only be used with the same parameters they were first used with."


def store() -> Store:
    """The memory of the running stand-in."""
    kept: Store = current_app.config["STORE"]
    return kept


def found(id_: str, kind: str) -> Object:
    """An object, or Stripe's 404."""
    if (object_ := store().find(id_, kind)) is None:
        raise StripeSays(404, "invalid_request_error", f"No such {kind}: '{id_}'", code="resource_missing", param="id")
    return object_


def parameters() -> dict[str, Any]:
    """`metadata[order]=1&types[0]=card` as nested dictionaries and lists."""
    nested: dict[str, Any] = {}
    for name, value in request.form.items():
        *path, last = name.replace("]", "").split("[")
        inner = nested
        for step in path:
            inner = inner.setdefault(step, {})
        inner[last] = value
    return {name: _listed(value) for name, value in nested.items()}


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(step.isdecimal() for step in value):
        return [_listed(value[step]) for step in sorted(value, key=int)]
    return {step: _listed(inner) for step, inner in value.items()}


def amount(given: dict[str, Any], name: str = "amount") -> int:
    """Minor units, whole, above zero and inside Stripe's bound."""
    text = str(given.get(name, ""))
    if not text.isdecimal() or not 0 < int(text) <= AMOUNT_MAX:
        raise invalid(f"Invalid integer: {text}", param=name, code="parameter_invalid_integer")
    return int(text)


def listed(kind: str, keep: Callable[[Object], bool] = lambda _object: True) -> Object:
    """A page of objects as Stripe lists them; `limit` up to 100, `starting_after` an id."""
    limit = min(100, max(1, int(request.args.get("limit", 10))))
    after = request.args.get("starting_after")
    page: list[Object] = []
    more = False
    while len(page) <= limit:
        chunk = store().newest(kind, limit=200, after=after)
        page += [object_ for object_ in chunk if keep(object_)]
        more = len(page) > limit
        if len(chunk) < 200:
            break
        after = chunk[-1]["id"]
    return {"object": "list", "url": request.path, "has_more": more, "data": page[:limit]}


def endpoint(blueprint: Blueprint, rule: str, *, method: str = "POST") -> Callable[[Callable[P, Object]], Any]:
    """One call of the API: key checked, faults played, a repeated POST answered from memory."""

    def declare(work: Callable[P, Object]) -> Any:
        @wraps(work)
        def answered(*args: P.args, **kwargs: P.kwargs) -> Response:
            _check_key()
            trouble = rule.startswith("/v1/")  # the control endpoint itself always works
            if trouble:
                faults.before(store())
            if method != "POST":
                return _answer(200, work(*args, **kwargs))
            response = _once(lambda: work(*args, **kwargs))
            if trouble:
                faults.after(store())
            return response

        return blueprint.route(rule, methods=[method])(answered)

    return declare


def _check_key() -> None:
    scheme, _space, key = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer" or not hmac.compare_digest(key, current_app.config["API_KEY"]):
        raise StripeSays(401, "invalid_request_error", "Invalid API Key provided")


def _once(work: Callable[[], Object]) -> Response:
    """The same key with the same parameters brings the first answer again; with others, an error."""
    key = request.headers.get("Idempotency-Key", "")[:KEY_MAX]
    asked = json.dumps([request.path, sorted(request.form.items())])
    fingerprint = hashlib.sha256(asked.encode()).hexdigest()
    with store().transaction():
        known = store().sql.execute("SELECT * FROM requests WHERE key = ?", (key,)).fetchone() if key else None
        if known and known["fingerprint"] != fingerprint:
            message = (
                "Keys for idempotent requests can only be used with the same parameters they were first used with."
            )
            raise StripeSays(400, "idempotency_error", message)
        if known:
            return _answer(known["status"], json.loads(known["body"]), replayed=True)
        status, body = 200, {}
        try:
            body = work()
        except StripeSays as error:
            if error.status != 402:
                raise
            status, body = error.status, error.body
        if key:
            row = (key, fingerprint, status, json.dumps(body))
            store().sql.execute("INSERT INTO requests VALUES (?, ?, ?, ?)", row)
    return _answer(status, body)


def _answer(status: int, body: Object, *, replayed: bool = False) -> Response:
    response = Response(json.dumps(body), status, mimetype="application/json")
    response.headers["Request-Id"] = f"req_standin_{secrets.token_hex(6)}"
    if replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return response


def say(error: StripeSays) -> Response:
    """The error handler."""
    return _answer(error.status, error.body)


def moment() -> int:
    """Seconds since 1970, as Stripe tells time."""
    return int(time.time())
