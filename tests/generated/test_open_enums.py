"""Enumerations of responses: a value that the document does not have is returned as it is, unless they are closed."""

import asyncio
import json
import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args, get_type_hints

import pytest
from binance_client.messages import decoders
from binance_coinm.errors import ConfigurationError, ResponseError
from binance_sandbox import Sandbox
from support.specs import Kinds, generated_in, type_errors


def ref(name: str) -> dict[str, str]:
    """Return a reference to a schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def record(**properties: object) -> dict[str, object]:
    """Return the schema of an object with required properties."""
    return {"type": "object", "required": list(properties), "properties": properties}


SCHEMAS = {
    "State": {"type": "string", "enum": ["NEW", "DONE"]},
    "Level": {"type": "integer", "enum": [1, 2]},
    "Switch": {"type": "string", "enum": ["ON", "OFF"], "x-closed": True},
    "Mood": {"type": "string", "enum": ["GLAD", "SAD"]},
    "Both": record(state=ref("State")),
    "Sent": record(state=ref("State")),
    "Cat": record(type={"type": "string", "enum": ["CAT"]}, name={"type": "string"}),
    "Dog": record(type={"type": "string", "enum": ["DOG"]}, name={"type": "string"}),
    "Result": record(
        state=ref("State"),
        level=ref("Level"),
        switch=ref("Switch"),
        maybe={"oneOf": [ref("State"), {"type": "null"}]},
        mood={"oneOf": [ref("Mood"), {"type": "null"}]},
        all={"type": "array", "items": ref("Level")},
        pair={"type": "array", "prefixItems": [ref("State"), {"type": "string"}], "items": False},
        byName={"type": "object", "additionalProperties": ref("State")},
        either={"type": "array", "items": {"oneOf": [ref("Cat"), ref("Dog")]}},
        stateOrLevel={"oneOf": [ref("State"), ref("Level")]},
        both=ref("Both"),
    ),
}
ANSWER: dict[str, Any] = {
    "state": "NEW",
    "level": 1,
    "switch": "ON",
    "maybe": None,
    "mood": "SAD",
    "all": [1, 2],
    "pair": ["DONE", "NEW"],
    "byName": {"BTC": "NEW"},
    "either": [{"type": "DOG", "name": "Rex"}, {"type": "CAT", "name": "Tom"}],
    "stateOrLevel": 2,
    "both": {"state": "DONE"},
}
LIST_OF = {"type": "array", "items": ref("Both")}
OPERATION = {
    "operationId": "sendState",
    "tags": ["test"],
    "security": [],
    "x-weight": 1,
    "parameters": [
        {"name": "state", "in": "query", "schema": ref("State")},
        {"name": "both", "in": "query", "content": {"application/json": {"schema": LIST_OF}}},
        {"name": "sent", "in": "query", "content": {"application/json": {"schema": ref("Sent")}}},
    ],
    "responses": {
        "200": {
            "description": "The result.",
            "content": {"application/json": {"schema": ref("Result"), "example": ANSWER}},
        }
    },
}
DOCUMENT = {"paths": {"/test/v1/state": {"post": OPERATION}}, "components": {"schemas": SCHEMAS}}
MAY_BE_EXECUTED = "the exchange may have executed this request; query its state before you send it again"
Call = Callable[..., Any]


@pytest.fixture(scope="module")
def enums() -> Iterator[Kinds]:
    """Return a package with enumerations everywhere in a response."""
    with TemporaryDirectory() as folder, generated_in(Path(folder), DOCUMENT, "enums_client") as enums:
        yield enums


@pytest.fixture
def sandbox(enums: Kinds) -> Iterator[Sandbox]:
    """Return a running exchange with that operation."""
    with Sandbox(document=enums.document) as sandbox:
        yield sandbox


@pytest.fixture(params=["sync", "async"])
def call(request: pytest.FixtureRequest, enums: Kinds, sandbox: Sandbox) -> Call:
    """Return a function that makes one call, sync or async."""
    connect = enums.package.connect

    async def call_async(arguments: dict[str, Any]) -> Any:
        async with connect(sandbox.credentials, server=sandbox.url) as client:
            return await client.aio.test.send_state(**arguments)

    def call(**arguments: Any) -> Any:
        if request.param == "async":
            return asyncio.run(call_async(arguments))
        with connect(sandbox.credentials, server=sandbox.url) as client:
            return client.test.send_state(**arguments)

    return call


@pytest.fixture(autouse=True)
def _nothing_was_logged() -> None:
    """Forget which values were logged."""
    vars(decoders)["_log_unknown_value"].cache_clear()


def test_known_values_are_members(call: Call, enums: Kinds, caplog: pytest.LogCaptureFixture) -> None:
    """A value that the document has is a member of its enumeration; of a union, the type that has it is chosen."""
    result = call()

    state, level = enums.models.State, enums.models.Level
    assert [state.NEW, level.VALUE_1, None, level.VALUE_2] == [
        result.state,
        result.level,
        result.maybe,
        result.state_or_level,
    ]
    assert {state} == {type(result.state), type(result.pair[0]), type(result.both.state)}
    assert ["Dog", "Cat"] == [type(animal).__name__ for animal in result.either]
    assert ANSWER == result.to_dict()
    assert [] == caplog.messages


@pytest.mark.parametrize(
    ("change", "select"),
    [
        ({"state": "LATER"}, lambda result: result.state),
        ({"maybe": "LATER"}, lambda result: result.maybe),
        ({"pair": ["LATER", "x"]}, lambda result: result.pair[0]),
        ({"byName": {"BTC": "NEW", "ETH": "LATER"}}, lambda result: result.by_name.additional_properties["ETH"]),
        ({"either": [{"type": "LATER", "name": "Rex"}]}, lambda result: result.either[0].type_),
        ({"stateOrLevel": "LATER"}, lambda result: result.state_or_level),
    ],
    ids=["field", "nullable", "tuple", "by name", "union of models", "union of enumerations"],
)
def test_unknown_values_are_returned(
    sandbox: Sandbox,
    call: Call,
    caplog: pytest.LogCaptureFixture,
    change: dict[str, object],
    select: Callable[[Any], object],
) -> None:
    """A value that the document does not have is the text itself, the same after encoding, and logged."""
    sandbox.respond_next(200, body=ANSWER | change)

    result = call()

    assert (str, "LATER") == (type(select(result)), select(result))
    assert ANSWER | change == result.to_dict()
    [record] = caplog.records
    assert ("binance_client", logging.WARNING) == (record.name, record.levelno)
    assert record.message.startswith("response with a value of ")
    assert record.message.endswith(" that the document does not have: a string, 'LATER'")


def test_unknown_integers_are_returned(sandbox: Sandbox, call: Call, caplog: pytest.LogCaptureFixture) -> None:
    """An integer that the document does not have is returned too; each value is logged once."""
    answer = ANSWER | {"level": 7, "all": [1, 7, 7], "stateOrLevel": 8}
    sandbox.respond_next(200, body=answer, times=2)

    call()
    result = call()

    assert (7, [1, 7, 7], 8) == (result.level, result.all_, result.state_or_level)
    assert int is type(result.level)
    assert answer == result.to_dict()
    assert ["7", "8"] == [message.rpartition(" ")[2] for message in caplog.messages]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"switch": "LATER"}, "field switch: expected a value of Switch, got a string, 'LATER'"),
        ({"state": 5}, "field state: expected a value of State, got a number, 5"),
        ({"state": None}, "field state: expected a value of State, got null"),
        ({"level": "1"}, "field level: expected a value of Level, got a string, '1'"),
        ({"level": True}, "field level: expected a value of Level, got a boolean"),
        ({"level": 2**63}, "field level: expected an integer of 64 bits, got a number, 9223372036854775808"),
    ],
)
def test_invalid_values(sandbox: Sandbox, call: Call, change: dict[str, object], message: str) -> None:
    """A value of another type, and an unknown one of a closed enumeration, is an error with the value.

    Of a write, it says that the exchange may have executed the request, and has the response, in which the order's number is.
    """
    sandbox.respond_next(200, body=ANSWER | change)

    with pytest.raises(ResponseError) as caught:
        call()

    assert f"HTTP 200: {message} ({MAY_BE_EXECUTED})" == str(caught.value)
    assert (MAY_BE_EXECUTED, "unknown") == (caught.value.hint, caught.value.execution)
    assert ANSWER | change == json.loads(caught.value.body)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (lambda _: {"state": "LATER"}, "state: expected one of NEW, DONE, got 'LATER'"),
        (
            lambda models: {"both": [models.Both(state="LATER")]},
            "both, item 0, state: expected one of NEW, DONE, got 'LATER'",
        ),
        (lambda models: {"sent": models.Sent(state="LATER")}, "sent, state: expected one of NEW, DONE, got 'LATER'"),
    ],
    ids=["argument", "model that a response has too", "model of arguments alone"],
)
def test_arguments_are_strict(
    sandbox: Sandbox, call: Call, enums: Kinds, arguments: Callable[[Any], dict[str, Any]], message: str
) -> None:
    """A value that the document does not have is rejected in an argument, before anything is sent."""
    with pytest.raises(ConfigurationError) as caught:
        call(**arguments(enums.models))

    assert message == str(caught.value)
    assert [] == sandbox.received_requests


def test_values_of_another_type_are_not_encoded(call: Call) -> None:
    """A response's object does not encode a value of another type, which a program has put in place of the status."""
    result = call()
    result.state = 5

    with pytest.raises(ConfigurationError, match="^state: expected a State or str, got 5$"):
        result.to_dict()


def test_types(enums: Kinds) -> None:
    """The type of a response's field has the member and the plain value; that of an argument has the member alone."""
    models = enums.models
    names = vars(sys.modules[models.Result.__module__]) | {name: getattr(models, name) for name in models.__all__}
    result = get_type_hints(models.Result, names)

    assert models.State | str == result["state"]
    assert models.Level | int == result["level"]
    assert models.Switch == result["switch"]
    assert (models.Level | int,) == get_args(result["all_"])
    assert models.State == get_type_hints(models.Sent)["state"]


@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_type_checkers(enums: Kinds, checker: str) -> None:
    """The generated package passes strict type checks."""
    assert "" == type_errors(checker, enums.document.parent, "enums_client")


def test_long_values_are_logged_in_part(caplog: pytest.LogCaptureFixture, enums: Kinds) -> None:
    """What the log shows of a value is bounded, and has no line breaks and no key."""
    decode = decoders.open_enum(enums.models.State)

    assert "\n" * 999 == decode("\n" * 999)
    assert "a1" * 32 == decode("a1" * 32)

    assert all(len(message) < 150 and "\n" not in message for message in caplog.messages)
    assert caplog.messages[1].endswith("'[redacted]'")
