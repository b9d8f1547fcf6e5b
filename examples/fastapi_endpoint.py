"""Serve the balances of an account as JSON: `uvicorn --app-dir examples fastapi_endpoint:app`.

The account is that of BINANCE_API_KEY, BINANCE_API_SECRET and BINANCE_SERVER. Add authentication: everyone who can
send GET /balances sees the balances. All requests share one client and its connections. Amounts are strings, as on the
exchange, because most JSON parsers make floats of numbers. The response to a failure has only the name of the error;
the message of the exchange, which may contain this machine's IP address or details of the key, is logged.
"""

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated, Any, TypedDict, cast

from binance_coinm import Client, connect, errors
from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse

# The same call may succeed later: status 503. All other errors: 502.
TEMPORARY = (errors.RateLimitError, errors.IpBannedError, errors.ExchangeError, errors.NetworkError)

log = logging.getLogger("uvicorn.error")


class State(TypedDict):
    """What exists as long as the application runs."""

    client: Client


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncGenerator[State, None]:
    """Open a client when the application starts, and close it when the application stops."""
    async with connect() as client:
        yield {"client": client}


def client_of(request: Request) -> Client:
    """Return the application's client."""
    return cast("Client", request.state.client)


app = FastAPI(title="Balances", lifespan=lifespan)


@app.get("/balances")
async def balances(client: Annotated[Client, Depends(client_of)]) -> list[dict[str, Any]]:
    """Return the rows as the exchange sends them."""
    return [row.to_dict() for row in await client.aio.account.futures_account_balance()]


@app.exception_handler(errors.BinanceError)
async def failed(_request: Request, error: errors.BinanceError) -> JSONResponse:
    """Return the name of the error, and when to retry, if that is known."""
    log.warning("%s: %s", type(error).__name__, error)
    retry_after = error.retry_after if isinstance(error, errors.ApiError) else None
    return JSONResponse(
        {"error": type(error).__name__},
        status_code=503 if isinstance(error, TEMPORARY) else 502,
        headers={"Retry-After": str(retry_after)} if retry_after else None,
    )
