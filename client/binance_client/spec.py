"""What a generated package states about its document: one value, and the bases of its enumerations."""

from collections.abc import Callable
from enum import Enum, StrEnum
from typing import Any, NamedTuple, Protocol

from .messages.error_map import ErrorMap
from .messages.http import HTTPResponse


class ServerEnum(StrEnum):
    """The servers of a document: their URLs by their names. The first is the default."""

    @classmethod
    def from_name(cls, text: str) -> str:
        """Return the URL of a server by its name, in upper or lower case; a URL is returned as it is.

        Raises ValueError for anything else.
        """
        if "://" in text:
            return text
        try:
            return cls[text.upper()]
        except KeyError:
            raise ValueError(f"expected {', '.join(member.name.lower() for member in cls)} or a URL") from None


class SecurityEnum(Enum):
    """The security types of a document: the name of the API key's header, whether a request is signed, and may trade.

    An operation's security type travels in `request.extensions["security"]`, where a signer reads it.
    """

    def __init__(
        self,
        _: str,
        api_key_header: str | None,
        signed: bool,  # noqa: FBT001, a member's value
        trades: bool,  # noqa: FBT001, the same
    ) -> None:
        self.api_key_header = api_key_header
        self.signed = signed
        self.trades = trades


class ServerTimeOperation(Protocol):
    """The generated module of the operation that returns the exchange's time."""

    def build_request(self) -> dict[str, Any]:
        """Return the arguments of `httpx.Client.request`."""
        ...

    def parse_response(self, response: HTTPResponse) -> Any:
        """Return a response whose `parsed.server_time` is in milliseconds since the epoch."""
        ...


class ExchangeSpec(NamedTuple):
    """What differs between documents."""

    user_agent: str
    servers: type[ServerEnum]
    error_map: ErrorMap
    server_time: Callable[[], ServerTimeOperation] | None
    """Imports the operation, which few programs need, because most clocks are correct; None if there is none."""
    default_recv_window: int | None
    """For how many milliseconds after its timestamp a request without recvWindow is accepted."""
    max_clock_skew_ms: int | None
    """How many milliseconds a timestamp may be ahead of the exchange's clock."""
