"""Against a real server at TENON_URL, whose internal secret is TENON_INTERNAL_SECRET.

It is set up, or was, with TENON_USERNAME and TENON_PASSWORD, whose owner makes the program that grants.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import httpx
import pytest
from tenon_members import Denied, Members, UnknownMember

URL = os.environ.get("TENON_URL", "").rstrip("/")
SECRET = os.environ.get("TENON_INTERNAL_SECRET", "")
USERNAME = os.environ.get("TENON_USERNAME", "ada")
PASSWORD = os.environ.get("TENON_PASSWORD", "correct horse battery staple")
pytestmark = pytest.mark.skipif(not (URL and SECRET), reason="TENON_URL and TENON_INTERNAL_SECRET are not set")

NAMES = [("scope_type", "shop"), ("module", "mkt"), ("action", "read"), ("action", "write")]


class Office:
    """A back office: a program that grants and takes away."""

    def __init__(self) -> None:
        with httpx.Client(base_url=URL) as person:
            credentials = {"username": USERNAME, "password": PASSWORD}
            signed = person.post("/api/auth/init-user", json=credentials)
            if signed.status_code == 409:
                signed = person.post("/api/auth/login", json=credentials)
            signed.raise_for_status()
            person.headers["authorization"] = f"Bearer {signed.json()['access_token']}"
            wish = {
                "name": "office",
                "scopes": ["permissions:write", "catalog:write"],
                "may_grant": ["mkt"],
                "calls_per_minute": 0,
            }
            made = person.post("/api/member-clients/", json=wish)
            made.raise_for_status()
        keys = {"x-client-key": made.json()["client_key"], "x-api-key": made.json()["api_key"]}
        self.program = httpx.Client(base_url=URL, headers=keys)
        for kind, name in NAMES:
            self.program.put(f"/admin/permission-catalog/{kind}/{name}", json={}).raise_for_status()

    def does(self, verb: str, sub: str, action: str) -> str:
        body = {"authentik_sub": sub, "scope_type": "shop", "scope_id": "7", "module": "mkt", "action": action}
        done = self.program.post(f"/admin/permissions/{verb}", json=body)
        done.raise_for_status()
        result = done.json()["result"]
        assert isinstance(result, str)
        return result


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    made = Office()
    yield made
    made.program.close()


def told(is_active: bool, sub: str) -> None:
    body = {"authentik_sub": sub, "display_name": "Real", "is_active": is_active}
    answer = httpx.post(f"{URL}/internal/users/upsert-by-sub", json=body, headers={"x-internal-secret": SECRET})
    answer.raise_for_status()


def test_grants_revokes_and_a_disabled_user_reach_the_cache_by_the_feed(office: Office) -> None:
    sub = f"real/{uuid.uuid4()}"
    with Members(URL, SECRET, background=False) as members:
        with pytest.raises(UnknownMember):
            members.snapshot(sub)
        told(True, sub)
        members.invalidate(sub)
        assert not members.allowed(sub, "shop", "7", "mkt", "read")
        assert office.does("grant", sub, "read") == "granted"
        members.pull()
        assert members.allowed(sub, "shop", "7", "mkt", "read")
        first = members.snapshot(sub)
        members.invalidate(sub)
        assert members.snapshot(sub).version == first.version
        assert members.check(sub, "shop", "7", "mkt", "read")
        assert office.does("revoke", sub, "read") == "revoked"
        members.pull()
        assert not members.allowed(sub, "shop", "7", "mkt", "read")
        assert office.does("grant", sub, "write") == "granted"
        members.reconcile()
        assert members.allowed(sub, "shop", "7", "mkt", "write")
        told(False, sub)
        members.pull()
        with pytest.raises(Denied) as denied:
            members.require(sub, "shop", "7", "mkt", "write")
        assert denied.value.reason == "disabled"
