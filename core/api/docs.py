"""The description of the API: OpenAPI for programs, a page without scripts for people."""

import flask_smorest
from flask import Flask, Response, jsonify, render_template

from core.auth import public


def init_app(app: Flask, api: flask_smorest.Api) -> None:
    """Serve `/api/openapi.json` and `/api/docs`."""

    @app.get("/api/openapi.json")
    @public
    def openapi() -> Response:
        """The OpenAPI 3.1 document."""
        return jsonify(api.spec.to_dict())

    @app.get("/api/docs")
    @public
    def docs() -> str:
        """Every operation on one readable page."""
        return render_template("api_docs.html", spec=api.spec.to_dict())
