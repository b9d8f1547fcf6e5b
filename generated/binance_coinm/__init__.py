"""Client of the exchange that openapi.yaml describes. Generated from it by `make generate`; not to be edited."""

from .client import AuthenticatedClient, Client

__version__ = "0.1.0"
__all__ = (
    "AuthenticatedClient",
    "Client",
)
