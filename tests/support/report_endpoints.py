"""What the API document says of the endpoints of reports."""

SCHEMAS = {
    "funnel": "Funnel",
    "monday": "MondayReport",
    "service": "ServiceQuality",
    "stars": "StarMovement",
    "stages": "StageMovement",
}


def report_endpoints(refusals: set[str]) -> dict[str, tuple[str, dict[str, str], set[str]]]:
    """Endpoint -> its scope, its answers with their schema, its refusals."""
    return {
        f"GET /v1/reports/{name}": ("reports:read", {"200": schema}, refusals)
        for name, schema in SCHEMAS.items()
    }
