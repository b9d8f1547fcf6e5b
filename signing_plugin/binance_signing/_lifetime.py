"""Whether clients that share connections are closed, and what their calls end in then."""

from attrs import define
from binance_coinm.errors import ClientClosedError, Outcome


@define(eq=False)
class Lifetime:
    """The lifetime of clients that come from one `connect`; nobody opens them again."""

    is_closed: bool = False

    def require_open(self) -> None:
        """Raise `ClientClosedError` for a call that begins after the end."""
        if self.is_closed:
            raise ClientClosedError("the client is closed; create a new one", "failed")


def closed_error(outcome: Outcome) -> ClientClosedError:
    """Return the error of a call that was on its way at the end; `outcome` tells whether it was carried out."""
    return ClientClosedError("the client was closed before the call had its answer; close it later", outcome)
