"""What clients send through: httpx, or whatever else has the few things of it that are used here."""

from collections.abc import Coroutine, Mapping, MutableMapping
from typing import Any, Protocol


class Answer(Protocol):
    """A whole answer, as `httpx.Response` is one."""

    @property
    def status_code(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers; upper and lower case of their names are the same."""
        ...

    @property
    def content(self) -> bytes:
        """The body, decoded."""
        ...

    @property
    def extensions(self) -> MutableMapping[str, Any]:
        """What whoever sent the request has to tell beside the answer."""
        ...


class Engine(Protocol):
    """Sends requests, as `httpx.Client` does."""

    @property
    def is_closed(self) -> bool:
        """Whether nothing can be sent any more."""
        ...

    def request(self, *args: Any, **kwargs: Any) -> Answer:
        """Send a request, and give the answer."""
        ...

    def close(self) -> None:
        """Close the connections."""
        ...


class AsyncEngine(Protocol):
    """Sends requests, as `httpx.AsyncClient` does."""

    @property
    def is_closed(self) -> bool:
        """Whether nothing can be sent any more."""
        ...

    def request(self, *args: Any, **kwargs: Any) -> Coroutine[Any, Any, Answer]:
        """Send a request, and give the answer."""
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...


def is_success(answer: Answer) -> bool:
    """Say whether an answer has a status of success. Source: RFC 9110, section 15.3."""
    return 200 <= answer.status_code <= 299
