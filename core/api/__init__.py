"""JSON of the foundations: log-in, health, the description of the API."""
