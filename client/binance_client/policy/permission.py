"""What a client does not send: what needs credentials that it has not, and what may trade if it is read-only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from binance_client.messages.http import is_safe

if TYPE_CHECKING:
    import httpx

    from .client_state import Settings


def forbidden(request: httpx.Request, settings: Settings) -> str | None:
    """Return why a client does not send a request, None if it sends it."""
    security = request.extensions.get("security")
    needs_key = getattr(security, "api_key_header", None) is not None
    if needs_key and not settings.has_credentials:
        return _describe(request, "needs credentials, and this client has none", "connect()")
    if not settings.read_only:
        return None
    # What a write does that was built by hand is not known. Those of the event stream need the API key alone, and no
    # request trades without a signature. Source: General Info, "Endpoint Security Type".
    is_harmless = is_safe(request.method) or (needs_key and getattr(security, "signed", None) is False)
    trades = getattr(security, "trades", False)
    if is_harmless and not trades:
        return None
    problem = "needs the permission to trade" if trades else "may change the account"
    return _describe(request, f"{problem}, and this client is read-only", "connect() without read_only=True")


def _describe(request: httpx.Request, problem: str, remedy: str) -> str:
    return f"{request.method} {request.url.path} {problem}; nothing was sent. Call it with a client of {remedy}"
