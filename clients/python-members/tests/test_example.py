"""The example is an application that works."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, Callable

import httpx
import pytest
from fake import HOOK, READ, SECRET, WRITE, Tenon, message, signed
from tenon_members import AsyncMembers

pytest.importorskip("fastapi", reason="the extra fastapi is not installed")


def me(request: httpx.Request) -> httpx.Response:
    """Tenon's `/me`: here a token is the name of whoever has it."""
    scheme, _, token = request.headers["authorization"].partition(" ")
    if scheme != "Bearer" or token == "wrong":
        return httpx.Response(401)
    if token == "later":
        raise httpx.ConnectError("nobody is there")
    return httpx.Response(200, json={"authentik_sub": token})


def run(tenon: Tenon, work: Callable[[httpx.AsyncClient], Awaitable[None]]) -> None:
    from fastapi_app import create_app

    async def main() -> None:
        members = AsyncMembers(
            "http://tenon.test",
            SECRET,
            webhook_secrets=HOOK,
            transport=httpx.MockTransport(tenon.handle),
            clock=tenon.clock,
            background=False,
        )
        people = httpx.AsyncClient(base_url="http://tenon.test", transport=httpx.MockTransport(me))
        # httpx and FastAPI write the type of an application differently.
        app: Any = create_app(members, people)
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(base_url="http://app.test", transport=transport) as client:
                await work(client)

    asyncio.run(main())


def test_routes_ask_for_what_they_need(tenon: Tenon) -> None:
    tenon.grant("ann", READ)
    tenon.grant("ben", WRITE)

    async def work(client: httpx.AsyncClient) -> None:
        async def ask(method: str, who: str, org: str = "7") -> int:
            headers = {"Authorization": f"Bearer {who}"} if who else {}
            path = f"/orgs/{org}/campaigns" + ("?name=spring" if method == "POST" else "")
            return (await client.request(method, path, headers=headers)).status_code

        assert await ask("GET", "") == 401 and await ask("GET", "wrong") == 401
        assert await ask("GET", "later") == 503
        assert await ask("GET", "ann") == 200 and await ask("POST", "ann") == 403
        assert await ask("POST", "ben") == 201 and await ask("GET", "ben") == 403
        assert await ask("GET", "ann", "8") == 403 and await ask("GET", "carl") == 403
        tenon.is_down = True
        assert await ask("GET", "ann") == 200 and await ask("GET", "dora") == 503

    run(tenon, work)


def test_a_message_takes_effect(tenon: Tenon) -> None:
    tenon.grant("ann", READ)
    ann = {"Authorization": "Bearer ann"}

    async def work(client: httpx.AsyncClient) -> None:
        assert (await client.get("/orgs/7/campaigns", headers=ann)).status_code == 200
        tenon.revoke("ann", READ)
        body = message("permission.revoked", "ann", 2, READ)
        headers = signed(body, tenon.clock())
        assert (await client.post("/hooks/tenon", content=body + b" ", headers=headers)).status_code == 400
        assert (await client.get("/orgs/7/campaigns", headers=ann)).status_code == 200
        assert (await client.post("/hooks/tenon", content=body, headers=headers)).status_code == 204
        assert (await client.get("/orgs/7/campaigns", headers=ann)).status_code == 403

    run(tenon, work)
