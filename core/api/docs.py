"""The description of the API: OpenAPI for programs, a page without scripts for people."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import flask_smorest
from flask import Blueprint, Flask, Response, current_app, jsonify, render_template

from core.auth import public

METHODS = ("get", "post", "put", "patch", "delete")
Spec = dict[str, Any]


@dataclass(frozen=True)
class Operation:
    """One method of one path, as the page shows it."""

    method: str
    path: str
    summary: str
    description: str
    access: str
    parameters: list[Spec]
    body: str
    answers: list[tuple[str, str, str]]
    """Status, words, and the shape."""


def init_app(app: Flask, api: flask_smorest.Api) -> None:
    """Serve `/api/openapi.json` and `/api/docs`."""
    blueprint = Blueprint("api_docs", __name__, template_folder="../templates")

    @blueprint.get("/api/openapi.json")
    @public
    def openapi() -> Response:
        """The OpenAPI 3.1 document."""
        return jsonify(api.spec.to_dict())

    @blueprint.get("/api/docs")
    @public
    def docs() -> str:
        """Every operation on one readable page."""
        spec = api.spec.to_dict()
        groups: dict[str, list[Operation]] = {}
        for operation in operations(spec):
            groups.setdefault(operation.path.split("/")[3], []).append(operation)
        schemas = spec.get("components", {}).get("schemas", {})
        return render_template("api_docs.html", info=spec["info"], groups=groups, schemas=schemas, shape=shape)

    app.register_blueprint(blueprint)


def operations(spec: Spec) -> Iterator[Operation]:
    """Every operation of the document, by path and method."""
    access = _access()
    for path, item in sorted(spec["paths"].items()):
        for method in METHODS:
            found = item.get(method)
            if found is None:
                continue
            responses = {**item.get("responses", {}), **found.get("responses", {})}
            yield Operation(
                method=method.upper(),
                path=path,
                summary=found.get("summary", ""),
                description=found.get("description", ""),
                access=access.get((method.upper(), path), ""),
                parameters=[
                    _resolved(spec, one) for one in (*item.get("parameters", []), *found.get("parameters", []))
                ],
                body=_content(found.get("requestBody", {})),
                answers=[
                    (str(status), _resolved(spec, answer).get("description", ""), _content(_resolved(spec, answer)))
                    for status, answer in sorted(responses.items(), key=lambda pair: str(pair[0]))
                ],
            )


def shape(schema: Spec) -> str:
    """A schema in a few words: `Money`, `list of Money`, `text (uuid)`, `whole number, 1 to 100`."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "allOf" in schema or "anyOf" in schema or "oneOf" in schema:
        return " or ".join(shape(one) for key in ("allOf", "anyOf", "oneOf") for one in schema.get(key, []))
    kind = schema.get("type", "anything")
    kinds = [one for one in (kind if isinstance(kind, list) else [kind]) if one != "null"]
    if kinds == ["array"]:
        return f"list of {shape(schema.get('items', {}))}"
    words = " or ".join(kinds)
    if "enum" in schema:
        words = " | ".join(str(one) for one in schema["enum"] if one is not None)
    if schema.get("format"):
        words += f" ({schema['format']})"
    return words + _bounds(schema) + (", or null" if isinstance(kind, list) and "null" in kind else "")


def _bounds(schema: Spec) -> str:
    pairs = (("minimum", "maximum", ""), ("minLength", "maxLength", " characters"), ("minItems", "maxItems", " items"))
    for low, high, unit in pairs:
        if low in schema and high in schema:
            return f", {schema[low]} to {schema[high]}{unit}"
        if low in schema or high in schema:
            return f", {'at least' if low in schema else 'at most'} {schema.get(low, schema.get(high))}{unit}"
    return ""


def _content(part: Spec) -> str:
    return next((shape(kind.get("schema", {})) for kind in part.get("content", {}).values()), "")


def _resolved(spec: Spec, part: Spec) -> Spec:
    found: Spec = part
    if "$ref" in part:
        found = spec
        for step in str(part["$ref"]).removeprefix("#/").split("/"):
            found = found[step]
    return found


def _access() -> dict[tuple[str, str], str]:
    """Who may call what: the permission that each view declares."""
    return {
        (method, re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule)): getattr(
            current_app.view_functions[rule.endpoint], "access", ""
        )
        for rule in current_app.url_map.iter_rules()
        for method in rule.methods or ()
    }
