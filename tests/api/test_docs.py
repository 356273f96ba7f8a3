"""The description of the API is whole, readable without a script, and true to the routes."""

import re

import pytest

from app import create_app
from core.api.docs import shape


def test_the_document_is_openapi_with_bearer_security(client):
    spec = client.get("/api/openapi.json").json
    assert spec["openapi"].startswith("3.1")
    assert spec["paths"]["/api/v1/login"]["post"]["security"] == []
    assert spec["paths"]["/api/v1/me"]["get"]["security"] == [{"bearer": []}]


def test_the_page_shows_every_operation_and_who_may_call_it(client):
    spec = client.get("/api/openapi.json").json
    page = client.get("/api/docs")
    assert page.status_code == 200
    assert page.mimetype == "text/html"
    text = page.get_data(as_text=True)
    operations = [
        (method.upper(), path) for path, item in spec["paths"].items() for method in item if method in ("get", "post")
    ]
    assert operations
    for method, path in operations:
        assert f"<b>{method}</b> <code>{path}</code>" in text
    assert "Needs <code>session:manage</code>." in text
    assert "Needs <code></code>" not in text
    assert "<script" not in text


def test_every_shape_that_is_named_is_described(client):
    text = client.get("/api/docs").get_data(as_text=True)
    assert 'href="#schema-LoginIn"' in text
    assert set(re.findall(r'href="#(schema-[^"]+)"', text)) <= set(re.findall(r'id="(schema-[^"]+)"', text))


def test_shapes_are_told_in_words():
    assert shape({"type": "integer", "minimum": 1, "maximum": 100}) == "integer, 1 to 100"
    assert shape({"type": ["string", "null"], "format": "uuid"}) == "string (uuid), or null"
    assert shape({"type": "array", "items": {"$ref": "#/components/schemas/Line"}}) == "list of Line"
    assert shape({"enum": ["card", "cash", None], "type": "string"}) == "card | cash"
    assert shape({"type": "string", "minLength": 2}) == "string, at least 2 characters"


@pytest.mark.filterwarnings("error:Multiple schemas resolved to the name")
def test_every_shape_has_a_name_of_its_own(client):
    assert create_app()
