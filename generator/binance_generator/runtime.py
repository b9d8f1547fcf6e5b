"""The names in the runtime that the generator has to know."""

from types import ModuleType

from attrs import fields


def client_attributes() -> frozenset[str]:
    """Return the names of the client's attributes; a tag must not have one, because it becomes `client.<tag>`."""
    from binance_client.client import SigningClient  # noqa: PLC0415, not needed for --help

    # attrs fields are attributes of instances, not of the class; the templates add `aio`.
    return frozenset([*dir(SigningClient), *(field.name for field in fields(SigningClient)), "aio"])


def api_errors() -> list[str]:
    """Return the names of the exceptions that a response of the exchange can become."""
    from binance_client import errors  # noqa: PLC0415, not needed for --help

    return _subclasses(errors, errors.ApiError)


def _subclasses(module: ModuleType, base: type) -> list[str]:
    classes = {name: value for name, value in vars(module).items() if isinstance(value, type)}
    return [name for name, value in classes.items() if issubclass(value, base) and value is not base]
