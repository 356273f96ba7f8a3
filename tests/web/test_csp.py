"""Headers of safety on every answer: pages, JSON, errors, faults, files."""

import re

import pytest

from tests.addresses import addresses

PATHS = [
    "/healthz",
    "/readyz",
    "/api/docs",
    "/api/openapi.json",
    "/api/v1/me",
    "/api/v1/nothing-here",
    "/nothing-here",
    "/static/app.css",
    "/static/nothing-here.css",
    "/static/vendor/htmx.min.js",
    "/login",
]


def directives(response):
    policy = response.headers["Content-Security-Policy"]
    return {name: values for name, *values in (part.split() for part in policy.split(";") if part.strip())}


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_carries_the_policy(client, path):
    found = directives(client.get(path))
    assert found["default-src"] == ["'none'"]
    assert found["style-src"] == found["font-src"] == found["worker-src"] == ["'self'"]
    assert found["connect-src"][0] == "'self'"
    assert {source.rpartition(":")[0] for source in found["connect-src"][1:]} <= {"http://localhost"}
    assert found["base-uri"] == found["frame-ancestors"] == ["'none'"]
    assert found["form-action"][0] == "'self'"
    assert found["require-trusted-types-for"] == ["'script'"]
    assert found["trusted-types"] == ["default"]
    assert not {"'unsafe-inline'", "'unsafe-eval'", "*", "data:"} & set(found["script-src"])


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_carries_the_other_headers(client, path):
    headers = client.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "microphone=()" in headers["Permissions-Policy"]
    assert re.fullmatch(r"[0-9a-f]{16}", headers["X-Request-Id"])
    assert "Access-Control-Allow-Origin" not in headers


def test_no_route_is_without_the_policy(app, client):
    """Whatever a stranger may ask for, and however it is answered."""
    asked = [path for rule, path in addresses(app) if "GET" in (rule.methods or ())]
    assert len(asked) > 50
    assert [path for path in asked if "Content-Security-Policy" not in client.get(path).headers] == []


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_a_refused_method_carries_them_too(client, method):
    response = getattr(client, method)("/api/docs")
    assert response.status_code == 405
    assert directives(response)["default-src"] == ["'none'"]


def test_the_mark_of_scripts_is_new_for_every_answer(client):
    marks = {re.search(r"'nonce-([^']+)'", client.get("/healthz").headers["Content-Security-Policy"]) for _ in range(5)}
    assert len({mark.group(1) for mark in marks}) == 5


def test_a_fault_shows_nothing_but_its_number(app, client, monkeypatch):
    def broken(**_arguments):
        raise RuntimeError("secret detail")

    monkeypatch.setitem(app.view_functions, "health.healthz", broken)
    response = client.get("/healthz")
    assert response.status_code == 500
    assert response.mimetype == "application/problem+json"
    assert b"secret detail" not in response.data
    assert response.json["code"] == "broken"
    assert response.json["instance"] == response.headers["X-Request-Id"]
    assert directives(response)["default-src"] == ["'none'"]


def test_what_a_signed_in_person_saw_is_not_kept_by_the_browser(client, login):
    from tests import make

    headers = login(client, make.user())
    assert client.get("/api/v1/me", headers=headers).headers["Cache-Control"] == "no-store"


def test_another_host_name_is_refused(client):
    response = client.get("/healthz", headers={"Host": "evil.example"})
    assert response.status_code == 400
    assert "evil.example" not in str(response.headers)


def test_the_version_of_the_server_is_not_told(client):
    assert not re.search(r"\d", client.get("/healthz").headers.get("Server", ""))
