"""What the API document says of the endpoints of lists, campaigns and reports."""

TABLE = """\
POST /v1/conditions/count|lists:read|ConditionsCounted|404 413
POST /v1/conditions/overlap|lists:read|OverlapCounted|404 413
GET /v1/lists|lists:read|ListsTold|
POST /v1/lists|lists:write|ListTold|404 413
POST /v1/lists/preview|lists:read|Preview|404 413
POST /v1/lists/count|lists:read|Counted|404 413
GET /v1/lists/{name}|lists:read|ListTold|404
GET /v1/lists/{name}/versions|lists:read|VersionsTold|404
GET /v1/lists/{name}/diff|lists:read|DifferencesTold|404
GET /v1/lists/{name}/count|lists:read|Counted|404
GET /v1/lists/{name}/preview|lists:read|Preview|404
GET /v1/lists/{name}/preview/{rule}|lists:read|CustomersTold|404
GET /v1/lists/{name}/why/{customer_id}|lists:read|Why|404
POST /v1/lists/{name}/releases|lists:release|ReleaseTold|404 413
GET /v1/lists/{name}/releases|lists:read|ReleasesTold|404
POST /v1/lists/{name}/releases/{release_id}/approval|lists:release|ReleaseTold|404 409 413
GET /v1/lists/{name}/releases/{release_id}/members|lists:read|MembersTold|404 409
GET /v1/lists/{name}/releases/{release_id}/people|customers:read|MembersTold|404 409
GET /v1/lists/{name}/releases/{release_id}/file|lists:export||404 409
GET /v1/campaigns|campaigns:read|CampaignsResponse|
POST /v1/campaigns|campaigns:write|CampaignTold|404 409 413
GET /v1/campaigns/{name}|campaigns:read|CampaignTold|404
POST /v1/campaigns/{name}/launch|campaigns:write|CampaignTold|404 409 413
POST /v1/campaigns/{name}/stop|campaigns:write|CampaignTold|404 409 413
GET /v1/campaigns/{name}/measurement|campaigns:read|MeasurementResponse|404 409
GET /v1/customers/{customer_id}/campaigns|campaigns:read|ArmsResponse|404
GET /v1/service-effect|reports:read|ServiceReport|404
GET /v1/reports/funnel|reports:read|Funnel|
GET /v1/reports/monday|reports:read|MondayReport|
GET /v1/reports/service|reports:read|ServiceQuality|
GET /v1/reports/stars|reports:read|StarMovement|
GET /v1/reports/stages|reports:read|StageMovement|
"""
"""Endpoint, scope, schema of its answer (none: a file), refusals beside those of every endpoint."""


def marketing_endpoints(everywhere: set[str]) -> dict[str, tuple[str, dict[str, str], set[str]]]:
    """Endpoint -> its scope, its answers with their schema, its refusals."""
    rows = [line.split("|") for line in TABLE.splitlines()]
    return {
        name: (scope, {"200": schema}, everywhere | {*refusals.split()})
        for name, scope, schema, refusals in rows
    }
