"""A small service that asks Tenon who may do what.

    pip install './clients/python-members[fastapi]' uvicorn
    TENON_URL=… TENON_INTERNAL_SECRET=… TENON_WEBHOOK_SECRET=whsec_… \
        uvicorn --app-dir clients/python-members/examples --factory fastapi_app:create_app

People come with the access token that they have for Tenon. Who they are, Tenon says (`/me`), once for each token; what
they may do here is read from what the library remembers. So the service goes on while Tenon is away, for as long as
Tenon allows: for whoever was here before, until his token ends.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Annotated, Callable, Optional

import httpx
from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Request, Response
from tenon_members import AsyncMembers, BadWebhook, Denied

# In this service a permission holds for one organisation, which is part of the path.
SCOPE = "org"

router = APIRouter()
_campaigns: dict[str, list[str]] = {}


class People:
    """Who the tokens belong to. One that Tenon has believed is believed until it ends: it is compared as a whole. Whether
    its owner may do anything is asked anew each time."""

    def __init__(self, tenon: httpx.AsyncClient, most: int = 10_000) -> None:
        self.tenon = tenon
        self._most = most
        self._known: OrderedDict[bytes, tuple[str, float]] = OrderedDict()

    async def sub(self, authorization: str) -> str:
        """What Tenon calls whoever sent this. Raises what the caller is to be answered."""
        name = hashlib.sha256(authorization.encode()).digest()
        known = self._known.get(name)
        if known is not None and time.time() < known[1]:
            return known[0]
        try:
            answer = await self.tenon.get("/me", headers={"Authorization": authorization})
        except httpx.RequestError as error:
            raise HTTPException(503, "Tenon cannot be asked who you are") from error
        if answer.status_code in (401, 403):
            self._known.pop(name, None)
            raise HTTPException(answer.status_code, "Tenon refuses this token", {"WWW-Authenticate": "Bearer"})
        if answer.status_code != 200:
            raise HTTPException(503, "Tenon cannot be asked who you are")
        sub = str(answer.json()["authentik_sub"])
        self._known[name] = (sub, ends_at(authorization))
        if len(self._known) > self._most:
            self._known.popitem(last=False)
        return sub


def ends_at(authorization: str) -> float:
    """When a token ends that Tenon has verified; 0 for one that does not say so."""
    try:
        part = authorization.split(".")[1]
        return float(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))["exp"])
    except (IndexError, KeyError, TypeError, ValueError):
        return 0.0


async def current_sub(request: Request, authorization: Annotated[Optional[str], Header()] = None) -> str:
    """Who is calling. A service that verifies tokens itself returns their `sub` instead."""
    if authorization is None:
        raise HTTPException(401, "sign in", {"WWW-Authenticate": "Bearer"})
    people: People = request.app.state.people
    return await people.sub(authorization)


def require(module: str, action: str) -> Callable[..., Awaitable[str]]:
    """A dependency: whoever calls may do this in the organisation of the path. Its value is the caller's `sub`."""

    async def allowed(request: Request, org_id: str, sub: Annotated[str, Depends(current_sub)]) -> str:
        members: AsyncMembers = request.app.state.members
        try:
            await members.require(sub, SCOPE, org_id, module, action)
        except Denied as denied:
            status = 503 if denied.reason == "unavailable" else 403
            raise HTTPException(status, f"{module} {action}: {denied.reason}") from denied
        return sub

    return allowed


@router.get("/orgs/{org_id}/campaigns", dependencies=[Depends(require("mkt", "read"))])
async def read_campaigns(org_id: str) -> list[str]:
    return _campaigns.get(org_id, [])


@router.post("/orgs/{org_id}/campaigns", status_code=201)
async def add_campaign(org_id: str, name: str, sub: Annotated[str, Depends(require("mkt", "write"))]) -> dict[str, str]:
    _campaigns.setdefault(org_id, []).append(name)
    return {"name": name, "added_by": sub}


@router.post("/hooks/tenon", status_code=204)
async def told_by_tenon(request: Request) -> Response:
    """What Tenon sends when something changes. The feed would say it too, up to a minute later."""
    members: AsyncMembers = request.app.state.members
    try:
        members.apply_webhook(request.headers, await request.body())
    except BadWebhook as error:
        raise HTTPException(400, str(error)) from error
    return Response(status_code=204)


def create_app(members: Optional[AsyncMembers] = None, people: Optional[httpx.AsyncClient] = None) -> FastAPI:
    """The application; with clients of their own for tests."""
    if members is None:
        members = AsyncMembers(
            os.environ["TENON_URL"],
            os.environ["TENON_INTERNAL_SECRET"],
            webhook_secrets=os.environ.get("TENON_WEBHOOK_SECRET"),
        )
    if people is None:
        people = httpx.AsyncClient(base_url=os.environ["TENON_URL"], timeout=5.0)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with members, people:
            yield

    app = FastAPI(title="Campaigns", lifespan=lifespan)
    app.state.members, app.state.people = members, People(people)
    app.include_router(router)
    return app
