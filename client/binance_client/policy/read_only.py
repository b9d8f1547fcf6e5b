"""What a read-only client does not send: requests that may change the account."""

import httpx

from binance_client.messages.http import is_safe


def read_only_problem(request: httpx.Request) -> str | None:
    """Return why a read-only client does not send a request, None if it sends it.

    Of the requests that are built by hand, it is not known what the exchange does with a write. Those that need the API
    key alone cannot trade, such as the writes of the event stream. Source: General Info, "Endpoint Security Type".
    """
    security = request.extensions.get("security")
    trades = getattr(security, "trades", False)
    has_key_alone = getattr(security, "api_key_header", None) is not None and getattr(security, "signed", None) is False
    if not trades and (is_safe(request.method) or has_key_alone):
        return None
    return (
        f"{request.method} {request.url.path} may change the account, and this client is read-only; nothing was sent."
        " Call it with a client of connect() without read_only=True"
    )
