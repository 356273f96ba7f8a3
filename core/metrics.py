"""Figures about the running process, in the Prometheus text format."""

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest

registry = CollectorRegistry()
requests = Counter("xiaoxiang_requests", "Requests answered", ["endpoint", "method", "status"], registry=registry)
seconds = Histogram("xiaoxiang_request_seconds", "Time to answer", ["endpoint"], registry=registry)
intake_set = Histogram(
    "xiaoxiang_intake_set", "Orders placed in one transaction", buckets=[1, 2, 4, 8, 16, 32, 64, 128], registry=registry
)


def observe(endpoint: str | None, method: str, status: int, took_s: float) -> None:
    """Count one answered request."""
    name = endpoint or "unknown"
    requests.labels(name, method, status).inc()
    seconds.labels(name).observe(took_s)


def text() -> tuple[bytes, str]:
    """All figures of this process and their content type."""
    return generate_latest(registry), CONTENT_TYPE_LATEST
