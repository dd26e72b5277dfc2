"""Tokens for whoever asks, on a developer's machine. A gateway has this route only where it is switched on."""

import time
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from shared.auth import sign
from shared.web.body import json_body
from shared.web.fields import Body, User

TTL_S = 24 * 3600


class TokenRequest(Body):
    user: User
    ttl_s: Annotated[int, Field(ge=1, le=TTL_S)] = TTL_S


class Token(BaseModel):
    token: str
    expires_at: datetime


def dev_token_routes(jwt_key: str) -> APIRouter:
    """Return the route that signs with *jwt_key* (HS256)."""
    router = APIRouter(tags=["development"])

    @router.post("/v1/dev/token", summary="A token of any user (development only)")
    async def dev_token(body: Annotated[TokenRequest, json_body(TokenRequest)], response: Response) -> Token:
        now = time.time()
        response.headers["cache-control"] = "no-store"
        expires_at = datetime.fromtimestamp(int(now + body.ttl_s), UTC)
        return Token(token=sign(jwt_key, body.user, body.ttl_s, now), expires_at=expires_at)

    return router
