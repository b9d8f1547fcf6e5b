"""Serve the balances of an account as JSON: `uvicorn --app-dir examples fastapi_endpoint:app`.

The account is the one that BINANCE_API_KEY, BINANCE_API_SECRET and BINANCE_SERVER name. Put your own authentication in
front: whoever reaches GET /balances sees what the account has. All requests share one client, with its connections.
Amounts are strings, as they are on the exchange, for most who read a JSON number make a float of it. What goes
wrong is told to the caller by its kind alone: the exchange's own words, which may name this machine's IP address or
what is wrong with the key, are for the log.
"""

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated, Any, TypedDict, cast

from binance_coinm import errors
from binance_coinm.api.account import futures_account_balance
from binance_signing import SigningClient, connect
from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse

# The same call may be answered later, so that it is a 503; all others are a 502.
FOR_NOW = (errors.RateLimitError, errors.IpBannedError, errors.ExchangeError, errors.NetworkError)

log = logging.getLogger("uvicorn.error")


class State(TypedDict):
    """What lives as long as the application."""

    client: SigningClient


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncGenerator[State, None]:
    """Open a client when the application starts, and close it when that ends."""
    async with connect() as client:
        yield {"client": client}


def client_of(request: Request) -> SigningClient:
    """Give the application's client."""
    return cast("SigningClient", request.state.client)


app = FastAPI(title="Balances", lifespan=lifespan)


@app.get("/balances")
async def balances(client: Annotated[SigningClient, Depends(client_of)]) -> list[dict[str, Any]]:
    """Give the rows as the exchange writes them."""
    return [row.to_dict() for row in await futures_account_balance.asyncio(client=client)]


@app.exception_handler(errors.BinanceError)
async def failed(_request: Request, error: errors.BinanceError) -> JSONResponse:
    """Answer with what kind of error it was, and when to come back if that is known."""
    log.warning("%s: %s", type(error).__name__, error)
    retry_after = error.retry_after if isinstance(error, errors.ApiError) else None
    return JSONResponse(
        {"error": type(error).__name__},
        status_code=503 if isinstance(error, FOR_NOW) else 502,
        headers={"Retry-After": str(retry_after)} if retry_after else None,
    )
