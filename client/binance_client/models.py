"""The base of generated models: records with attributes, which are not mappings."""

# JSON values have no known types.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, cast

from attrs import fields

from .errors import ConfigurationError
from .redaction import without_secrets
from .types import Unset

# No amount has more digits before or after its point; 1E+999999999 would fill the memory as plain digits.
MAX_DIGITS = 64
MIN_INT64, MAX_INT64 = -(2**63), 2**63 - 1


class Model:
    """A JSON object of the exchange, with an attribute for each member that the document names.

    Other members are in `additional_properties`.
    """

    __slots__ = ()
    json_names: ClassVar[Mapping[str, str]]
    """The members of the JSON object, by the names of the attributes."""

    def __repr__(self) -> str:
        """Return the attributes that are set, decimals as plain digits, and nothing that looks like a key."""
        try:
            texts = [f"{name}={_plain(value)}" for name, value in _set_attributes(self)]
        except RecursionError:
            texts = ["…"]
        return f"{type(self).__name__}({', '.join(texts)})"

    def as_dict(self) -> dict[str, Any]:
        """Return the attributes that are set, by their names; models and named tuples in them are dicts too.

        Amounts stay `Decimal`, and choices enumerations. `to_dict()` has the names and text of the exchange instead.
        Raises `ConfigurationError` for `additional_properties` that are nested too deeply.
        """
        try:
            values: dict[str, Any] = _as_dicts(self)
        except RecursionError:
            message = "additional_properties: expected values that are nested less deeply"
            raise ConfigurationError(message) from None
        return values

    if not TYPE_CHECKING:
        # Hidden from type checkers, which reject row["asset"] only if these methods do not exist.

        def __getitem__(self, key: object) -> NoReturn:
            """Raise TypeError: a model is not a mapping."""
            raise _not_a_mapping(self, key)

        def __setitem__(self, key: object, value: object) -> NoReturn:
            """Raise TypeError: a model is not a mapping."""
            raise _not_a_mapping(self, key)

        def __delitem__(self, key: object) -> NoReturn:
            """Raise TypeError: a model is not a mapping."""
            raise _not_a_mapping(self, key)

        def __contains__(self, key: object) -> NoReturn:
            """Raise TypeError: a model is not a mapping."""
            raise _not_a_mapping(self, key)

        def __iter__(self) -> NoReturn:
            """Raise TypeError: a model is not iterable."""
            raise TypeError(f"{type(self).__name__} is not iterable; iterate over to_dict()")


def _set_attributes(model: Model) -> Iterator[tuple[str, Any]]:
    """Yield name and value of each attribute that has one: a member, or members that have no attribute."""
    for attribute in fields(cast("Any", type(model))):
        value = getattr(model, attribute.name)
        if not isinstance(value, Unset) and not (attribute.name == "additional_properties" and not value):
            yield attribute.name, value


def _as_dicts(value: Any) -> Any:
    """Return a value with dicts in place of models and named tuples."""
    if isinstance(value, Model):
        return {name: _as_dicts(item) for name, item in _set_attributes(value)}
    if isinstance(value, list):
        return [_as_dicts(item) for item in value]
    if isinstance(value, tuple):
        named = getattr(value, "_asdict", None)
        return _as_dicts(named()) if named else tuple(_as_dicts(item) for item in value)
    if isinstance(value, dict):
        return {key: _as_dicts(item) for key, item in value.items()}
    return value


def _not_a_mapping(model: Any, key: object) -> TypeError:
    name = type(model).__name__
    for attribute, json_name in model.json_names.items():
        if key in (attribute, json_name):
            return TypeError(f"{name} is not a mapping; write row.{attribute} instead of row[{key!r}]")
    return TypeError(
        f"{name} is not a mapping and has no attribute for {key!r}; members that the document does not name are in"
        " row.additional_properties"
    )


def is_plain(value: Decimal) -> bool:
    """Return True if a finite decimal is short when it is written without an exponent."""
    exponent = value.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -MAX_DIGITS and value.adjusted() < MAX_DIGITS


def _plain(value: object) -> str:
    """Return the text of a value without exponents: str(Decimal("0.00000000")) would be 0E-8."""
    if isinstance(value, str):
        return repr(without_secrets(value))
    if isinstance(value, Decimal):
        return f"Decimal('{value:f}')" if value.is_finite() and is_plain(value) else repr(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_plain, value))}]"
    if isinstance(value, tuple):
        return f"({', '.join(map(_plain, value))}{',' * (len(value) == 1)})"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key!r}: {_plain(item)}' for key, item in value.items())}}}"
    return repr(value)
