"""The variables of the environment by which programs find a sandbox."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._sandbox import Sandbox


def environment_of(sandbox: "Sandbox") -> dict[str, str]:
    """Return the variables that name a sandbox and its first account."""
    variables = {"BINANCE_SERVER": sandbox.url, "BINANCE_API_KEY": sandbox.account.api_key}
    # An account with a public key has none.
    return variables | ({"BINANCE_API_SECRET": sandbox.account.secret} if sandbox.account.secret else {})
