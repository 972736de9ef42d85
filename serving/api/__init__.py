"""The HTTP API: one module a resource, and what every request passes before it gets there."""
