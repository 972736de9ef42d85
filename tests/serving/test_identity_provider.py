"""A service whose tokens somebody else issues, with limits of its own: as an operator sets it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from jwt.algorithms import OKPAlgorithm

from features.settings import Settings
from serving.auth.tokens import make_token

pytestmark = pytest.mark.slow


def test_its_tokens_count_ours_do_not_and_its_limits_hold(
    demo: tuple[Path, dict[str, Any]], serving: Callable[..., Any], tmp_path: Path
) -> None:
    home, now = demo[0], datetime.now(UTC)
    key = ed25519.Ed25519PrivateKey.generate()
    published = OKPAlgorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": "k1"}
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [published]}), encoding="utf-8")
    claims = {"sub": "app", "iss": "https://id.insurer.example", "aud": "touch", "iat": now,
              "exp": now + timedelta(hours=1), "scope": "openid predict",
              "branches": "*"}  # fmt: skip
    theirs = jwt.encode(claims, key, algorithm="EdDSA", headers={"kid": "k1"})
    settings = {
        "GUANJIA_JWKS": str(tmp_path / "keys.json"),
        "GUANJIA_TOKEN_ISSUER": "https://id.insurer.example",
        "GUANJIA_TOKEN_AUDIENCE": "touch",
        "GUANJIA_RATE_PER_SECOND": "0.01",
        "GUANJIA_RATE_BURST": "3",
    }
    with serving(home, tmp_path, **settings) as url, httpx.Client(base_url=url) as client:

        def status(path: str, token: str) -> int:
            headers = {"Authorization": f"Bearer {token}"}
            body = {"customer_ids": ["C00000001"], "models": ["churn"]}
            return client.post(path, json=body, headers=headers, timeout=60).status_code

        ours = make_token(Settings(home=home, token_key=None), "tests", now)
        assert status("/predict", ours) == 401
        found = [status(path, theirs) for path in ("/predict", "/v1/events", "/predict")]
        assert found == [200, 403, 200]
        assert status("/predict", theirs) == 429
        assert client.get("/readyz").status_code == 200
