"""The post as JSON."""
