"""The generator: the same document gives the same bytes, and an invalid one nothing."""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import openapi_python_client
import pytest
import yaml
from binance_coinm import __version__
from binance_coinm.api.account import futures_account_balance
from binance_coinm.api.account._operations import AccountOperations
from binance_generator.command import generate as command
from binance_generator.output import MARK
from support.constants import BUNDLED_SPEC, ROOT
from support.specs import core_text, generate, with_operations, write

COMMITTED = ROOT / "generated" / "binance_coinm"
GENERATOR = ROOT / "generator" / "binance_generator"


def changed(folder: Path, old: str, new: str) -> Path:
    """Return the file of a copy of the document with one text replaced."""
    text = core_text()
    assert old in text
    spec = folder / "changed.yaml"
    spec.write_text(text.replace(old, new, 1))
    return spec


def contents(folder: Path) -> dict[Path, bytes]:
    """Return the files of a folder."""
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_committed_package_is_up_to_date(tmp_path: Path) -> None:
    """The generator's output is the committed package, byte by byte."""
    assert 0 == generate("--output", tmp_path).returncode
    assert contents(COMMITTED) == contents(tmp_path / "binance_coinm")


def test_check_accepts_the_committed_package() -> None:
    """`--check` succeeds if the package is up to date."""
    assert 0 == generate("--check").returncode


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (lambda folder: (folder / "models" / "new.py").touch(), "not from openapi.yaml: "),
        (lambda folder: (folder / "py.typed").unlink(), "missing: "),
        (lambda folder: (folder / "client.py").write_text("# edited\n"), "differs: "),
    ],
    ids=["new", "deleted", "edited"],
)
def test_check_detects_changes(tmp_path: Path, change: Callable[[Path], None], finding: str) -> None:
    """`--check` fails for a new, a deleted and an edited file, and says what to do."""
    folder = tmp_path / "binance_coinm"
    shutil.copytree(COMMITTED, folder)
    change(folder)

    check = generate("--output", tmp_path, "--check")

    assert 1 == check.returncode
    assert finding in check.stderr
    assert "run the same command without --check" in check.stderr


def test_check_detects_a_renamed_field(tmp_path: Path) -> None:
    """`--check` fails if a field is renamed in the document."""
    spec = changed(tmp_path, "", "")
    spec.write_text(spec.read_text().replace("crossUnPnl", "crossUnrealizedPnl"))

    check = generate("--spec", spec, "--check")

    assert 1 == check.returncode
    assert "futures_account_balance.py" in check.stderr


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        pytest.param("tags: [account]", "tags: [account", ":{next_line}: not valid YAML: ", id="invalid YAML"),
        pytest.param("openapi: 3.1.0", "- openapi", "", id="not an OpenAPI document"),
        pytest.param("      parameters:\n", "      paramters:\n", "paths./dapi/v1/balance.get", id="misspelled key"),
        pytest.param(
            "schemas/Error'",
            "schemas/Eror'",
            "components.responses.BadRequest.content.application/json.schema: refers to",
            id="dangling reference",
        ),
        pytest.param(
            "    ServerTime:\n",
            "    Itself: {$ref: '#/components/schemas/Itself'}\n    ServerTime:\n",
            "components.schemas.Itself: refers to",
            id="reference to itself",
        ),
        pytest.param(
            "    ServerTime:\n",
            "    Ring: {type: array, items: {type: array, items: {$ref: '#/components/schemas/Ring/items'}}}\n"
            "    ServerTime:\n",
            "components.schemas.Ring.items.items: refers to #/components/schemas/Ring/items, which contains it",
            id="reference within itself",
        ),
        pytest.param(
            "    ServerTime:\n      description: The exchange's time.\n",
            "    SERVERTime: {type: object, properties: {}}\n"
            "    ServerTime:\n      additionalProperties: {$ref: '#/components/schemas/SERVERTime'}\n",
            "would both be models/server_time.py",
            id="same module twice",
        ),
        pytest.param(
            "- USER_DATA: []", "- USER_DATE: []", "paths./dapi/v1/balance.get.security", id="unknown security"
        ),
        pytest.param(
            "- $ref: '#/components/parameters/timestamp'",
            "",
            "paths./dapi/v1/balance.get.parameters",
            id="no timestamp",
        ),
        pytest.param(
            "x-weight: 1",
            "x-wieght: 1",
            ":{line}: paths./dapi/v1/balance.get.x-wieght: not supported; did you mean x-weight?",
            id="weight",
        ),
        pytest.param(
            "operationId: checkServerTime", "operationId: futuresAccountBalance", "/dapi/v1/time", id="same name twice"
        ),
        pytest.param("operationId: checkServerTime", "deprecated: false", "paths./dapi/v1/time.get", id="no name"),
        pytest.param(
            "      format: decimal\n",
            "      format: decimal\n      default: many\n",
            "many",
            id="invalid decimal",
        ),
        pytest.param(
            "      type: string\n      format: decimal",
            "      type: number",
            "components.schemas.Amount.format: missing",
            id="float",
        ),
        pytest.param("x-exception: TimestampError", "x-exception: TimeError", "TimeError", id="unknown exception"),
        pytest.param(
            "          type: string\n",
            "          type: string\n          x-closed: true\n",
            "components.schemas.FuturesAccountBalance.properties.accountAlias.enum: missing",
            id="closed, but no enum",
        ),
    ],
)
def test_invalid_documents_leave_the_package_unchanged(tmp_path: Path, old: str, new: str, place: str) -> None:
    """An invalid document is an error with the place of the mistake, and the package is not changed."""
    folder = tmp_path / "binance_coinm"
    shutil.copytree(COMMITTED, folder)

    failed = generate("--spec", changed(tmp_path, old, new), "--output", tmp_path)

    line = core_text().partition(old)[0].count("\n") + 1
    assert 1 == failed.returncode
    assert place.replace("{line}", str(line)).replace("{next_line}", str(line + 1)) in failed.stderr
    assert "Traceback" not in failed.stderr
    assert contents(COMMITTED) == contents(folder)


GetError = Callable[[dict[str, Any]], str]


@pytest.fixture
def get_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GetError:
    """Return a function that adds paths to openapi.yaml, and returns the generator's error.

    The generator runs in this process, which takes a quarter of the time.
    """
    # The generator changes it, and it is restored at the end of the test.
    monkeypatch.setenv("PATH", os.environ["PATH"])

    def error_of(paths: dict[str, Any]) -> str:
        spec, package = write(with_operations({"paths": paths}), tmp_path), tmp_path / "odd_client"
        package.mkdir()
        (package / "__init__.py").write_text(f"{MARK}\n")
        arguments = ["--spec", str(spec), "--output", str(tmp_path), "--package", "odd_client"]
        with pytest.raises(click.ClickException) as caught:
            command.main(arguments, standalone_mode=False)
        assert {Path("__init__.py"): f"{MARK}\n".encode()} == contents(package)
        place, _, message = caught.value.message.partition(": ")
        assert re.fullmatch(rf"{re.escape(str(spec))}:\d+", place)
        return message

    return error_of


TEXT = {"type": "string"}
FLOAT = {"type": "number"}
TIME = [{"$ref": "#/components/parameters/timestamp"}, {"$ref": "#/components/parameters/signature"}]
TIME_IN_FORM = {"timestamp": {"type": "integer"}, "signature": TEXT}
NO_FLOAT = "format: missing; expected `decimal` for a number, because a float cannot represent its digits exactly"
FORMATS = "format: expected decimal, int64, int32"
SCHEMA = ".responses.200.content.application/json.schema"
PLAIN = "expected a string, a number, a boolean, an array of these, or content of type application/json"


def query(schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return an operation's members for one parameter in the query."""
    return {"parameters": [{"name": "odd", "in": "query", "schema": schema, **more}]}


def form(fields: dict[str, Any], media_type: str = "application/x-www-form-urlencoded") -> dict[str, Any]:
    """Return an operation's members for a form."""
    return {"requestBody": {"content": {media_type: {"schema": {"type": "object", "properties": fields}}}}}


def response(schema: dict[str, Any], media_type: str = "application/json") -> dict[str, Any]:
    """Return an operation's members for a successful response."""
    return {"responses": {"200": {"description": "Odd.", "content": {media_type: {"schema": schema}}}}}


def operation(**more: Any) -> dict[str, Any]:
    """Return an operation, with further members."""
    usual = {
        "operationId": "odd",
        "tags": ["test"],
        "security": [],
        "x-weight": 1,
        "responses": {"200": {"description": "Nothing."}},
    }
    return usual | more


@pytest.mark.parametrize(
    ("more", "message"),
    [
        pytest.param(
            {"parameters": [{"name": "odd", "in": "header", "schema": TEXT}]},
            ".parameters.odd: expected a query parameter or a form field, got a parameter in header",
            id="header",
        ),
        pytest.param(
            {"parameters": [{"name": "odd", "in": "cookie", "schema": TEXT}]},
            ".parameters.odd: expected a query parameter or a form field, got a parameter in cookie",
            id="cookie",
        ),
        pytest.param(
            form({"odd": TEXT}, "application/json"),
            ".requestBody: expected a form (application/x-www-form-urlencoded), got application/json",
            id="JSON body",
        ),
        pytest.param(
            form({"odd": TEXT}, "multipart/form-data"),
            ".requestBody: expected a form (application/x-www-form-urlencoded), got multipart/form-data",
            id="multipart body",
        ),
        pytest.param(
            {"security": [{"TRADE": []}, {"USER_DATA": []}], "parameters": TIME},
            ".security: expected one security type, or [] for NONE",
            id="two security types",
        ),
        pytest.param(
            {"security": [{"TRADE": [], "USER_DATA": []}], "parameters": TIME},
            ".security: expected one security type, or [] for NONE",
            id="two security types at once",
        ),
        pytest.param(
            {"security": [{}]},
            ".security: expected one security type, or [] for NONE",
            id="empty security",
        ),
        pytest.param(
            {"security": [{"NONE": []}]},
            ".security: unknown type 'NONE'; known are USER_DATA, TRADE, USER_STREAM, MARKET_DATA, and [] for NONE",
            id="NONE by its name",
        ),
        pytest.param(
            {"security": [{"ODD": []}]},
            ".security: unknown type 'ODD'; known are USER_DATA, TRADE, USER_STREAM, MARKET_DATA, and [] for NONE",
            id="unknown security",
        ),
        pytest.param(
            {"responses": {"200": {"description": "Odd."}, "204": {"description": "Odd."}}},
            ".responses: expected one successful response, got 200, 204",
            id="two successful responses",
        ),
        pytest.param(
            {"responses": {"2XX": {"description": "Odd."}}},
            ".responses.2XX: expected a single status, got a range",
            id="range of successful statuses",
        ),
        pytest.param(
            {"responses": {"default": {"description": "Odd."}}},
            ".responses.default: expected a status such as 200, or 5XX, got the key 'default'",
            id="no successful response",
        ),
        pytest.param(
            response(TEXT, "application/xml"),
            ".responses.200: expected a response of type application/json, got application/xml",
            id="XML",
        ),
        pytest.param(query({"type": "object"}), f".parameters.odd: {PLAIN}", id="object"),
        pytest.param(
            query({"type": "array", "items": {"type": "object"}}), f".parameters.odd: {PLAIN}", id="array of objects"
        ),
        pytest.param(query({"type": "array", "prefixItems": [TEXT]}), f".parameters.odd: {PLAIN}", id="tuple"),
        pytest.param(query({"type": ["string", "null"]}), f".parameters.odd: {PLAIN}", id="null"),
        pytest.param(query({"allOf": [TEXT]}), f".parameters.odd: {PLAIN}", id="model of upstream"),
        pytest.param(
            query({"oneOf": [TEXT, {"type": "array", "items": TEXT}]}), f".parameters.odd: {PLAIN}", id="union"
        ),
        pytest.param(
            form({"odd": {"type": "array", "items": {"type": "object"}}}),
            f".requestBody.odd: {PLAIN}",
            id="array of objects in a form",
        ),
        pytest.param(
            query({"type": "array", "items": TEXT}, style="spaceDelimited"),
            ".parameters.odd: expected style: form, got spaceDelimited",
            id="spaces",
        ),
        pytest.param(
            {"parameters": [{"name": "odd", "in": "query", "content": {"application/xml": {"schema": TEXT}}}]},
            ".parameters.odd: expected a schema or content of type application/json, got application/xml",
            id="XML in the query",
        ),
        pytest.param(
            {"servers": [{"url": "https://other.example"}]},
            ".servers: not supported: all operations have the servers of the document",
            id="servers",
        ),
        pytest.param(
            {"callbacks": {"odd": {"https://my.example": {"post": {"responses": {"200": {"description": "Odd."}}}}}}},
            ".callbacks: not supported",
            id="callbacks",
        ),
        pytest.param(
            {"security": [{"TRADE": []}]} | form({"odd": TEXT}),
            ".parameters: expected ['signature', 'timestamp'] set by the signer for TRADE, got none",
            id="no timestamp in a signed form",
        ),
        pytest.param(
            {"security": [{"TRADE": []}]} | form({"odd": TEXT, "timestamp": {"type": "integer"}}),
            ".parameters: expected ['signature', 'timestamp'] set by the signer for TRADE, got ['timestamp']",
            id="no signature in a signed form",
        ),
        pytest.param(
            {"security": [{"USER_STREAM": []}]} | form(TIME_IN_FORM),
            ".parameters: expected none set by the signer for USER_STREAM, got ['signature', 'timestamp']",
            id="signature without a signer",
        ),
        pytest.param(
            {"security": [{"TRADE": []}], "parameters": TIME} | form(TIME_IN_FORM),
            ": timestamp is both a query parameter and a form field",
            id="signed twice",
        ),
        pytest.param(
            query(TEXT) | form({"odd": TEXT}), ": odd is both a query parameter and a form field", id="twice the same"
        ),
        pytest.param(
            query({"type": "string", "format": "decimal", "default": "NaN"}),
            ".parameters.0.schema.default: expected a finite decimal, got 'NaN'",
            id="default that is not a decimal",
        ),
        pytest.param(
            {"operationId": "check_server_time"},
            ".operationId: 'check_server_time' is already used by another operation",
            id="name",
        ),
        pytest.param(
            {"x-weight": "1"},
            ".x-weight: expected a weight in the rate limit, {parameter: …, sent: …, not-sent: …},"
            " or {parameter: …, up-to: {…}}, got '1'",
            id="weight",
        ),
    ],
)
def test_unsupported_operations(get_error: GetError, more: dict[str, Any], message: str) -> None:
    """An operation that the templates do not support is an error with its place."""
    assert f"paths./test/v1/odd.post{message}" == get_error({"/test/v1/odd": {"post": operation(**more)}})


@pytest.mark.parametrize(
    ("more", "message"),
    [
        pytest.param(query(FLOAT), f".parameters.0.schema.{NO_FLOAT}", id="argument"),
        pytest.param(
            form({"odd": {"type": "number", "format": "double"}}),
            f".requestBody.content.application/x-www-form-urlencoded.schema.properties.odd.{FORMATS}, got 'double'",
            id="field",
        ),
        pytest.param(response(FLOAT), f"{SCHEMA}.{NO_FLOAT}", id="response"),
        pytest.param(
            response({"type": "array", "items": {"type": "array", "prefixItems": [TEXT, {"oneOf": [TEXT, FLOAT]}]}}),
            f"{SCHEMA}.items.prefixItems.1.oneOf.1.{NO_FLOAT}",
            id="deep in a response",
        ),
        pytest.param(
            response(
                {"type": "object", "properties": {"some": {"type": "array", "items": {"type": ["number", "null"]}}}}
            ),
            f"{SCHEMA}.properties.some.items.{NO_FLOAT}",
            id="in a model",
        ),
        pytest.param(
            response({"type": "object", "additionalProperties": FLOAT}),
            f"{SCHEMA}.additionalProperties.{NO_FLOAT}",
            id="by name",
        ),
        pytest.param(
            {"parameters": [{"name": "odd", "in": "query", "content": {"application/json": {"schema": FLOAT}}}]},
            f".parameters.0.content.application/json.schema.{NO_FLOAT}",
            id="in JSON",
        ),
        pytest.param(
            query({"type": "string", "format": "date-time"}),
            f".parameters.0.schema.{FORMATS}, got 'date-time'",
            id="time",
        ),
        pytest.param(
            response({"type": "object", "properties": {"some": {"type": "string", "format": "uuid"}}}),
            f"{SCHEMA}.properties.some.{FORMATS}, got 'uuid'",
            id="UUID",
        ),
    ],
)
def test_unsupported_values(get_error: GetError, more: dict[str, Any], message: str) -> None:
    """A value of an unsupported type, such as a float, is an error with its place."""
    assert f"paths./test/v1/odd.post{message}" == get_error({"/test/v1/odd": {"post": operation(**more)}})


@pytest.mark.parametrize(
    ("path", "item", "message"),
    [
        pytest.param(
            "/odd",
            {"patch": operation()},
            "paths./odd.patch: not supported: the exchange has GET, PUT, POST and DELETE",
            id="PATCH",
        ),
        pytest.param(
            "/odd",
            {"head": operation()},
            "paths./odd.head: not supported: the exchange has GET, PUT, POST and DELETE",
            id="HEAD",
        ),
        pytest.param(
            "/odd",
            {"get": operation(**form({"odd": TEXT}))},
            "paths./odd.get.requestBody: a GET operation must have all parameters in the query",
            id="form of a GET",
        ),
        pytest.param(
            "/{odd}",
            {"get": operation(parameters=[{"name": "odd", "in": "path", "required": True, "schema": TEXT}])},
            "paths./{odd}: parameters in paths are not supported; the exchange has none",
            id="path",
        ),
        pytest.param(
            "/odd",
            {"get": operation(operationId="checkServerTime")},
            "paths./odd.get.operationId: 'check_server_time' is already used by another operation",
            id="one name for two",
        ),
        pytest.param(
            "/odd",
            {"get": operation(), "servers": [{"url": "https://other.example"}]},
            "paths./odd.servers: not supported: all operations have the servers of the document",
            id="servers",
        ),
        pytest.param(
            "/odd",
            {"get": operation(), "parameters": [{"name": "A", "in": "cookie", "schema": TEXT}]},
            "paths./odd.get.parameters.A: expected a query parameter or a form field, got a parameter in cookie",
            id="cookie of all",
        ),
    ],
)
def test_unsupported_paths(get_error: GetError, path: str, item: dict[str, Any], message: str) -> None:
    """A path with unsupported members is an error with its place."""
    assert message == get_error({path: item})


def test_titles_that_are_one_name(get_error: GetError) -> None:
    """The titles of an array's items have to be different names in Python."""
    array = {"type": "array", "prefixItems": [TEXT | {"title": title} for title in ("openTime", "open_time")]}

    message = get_error({"/test/v1/odd": {"post": operation(**response(array))}})

    assert message.startswith("components.schemas: 2 items of ")
    assert message.endswith(" would be open_time; change their titles")


def test_no_operation_is_known_to_common_code() -> None:
    """Templates, plugin, runtime and sandbox know operations from the document alone."""
    assert [] == [
        path
        for folder in ("generator", "signing_plugin", "client", "sandbox")
        for path in ROOT.glob(f"{folder}/**/*")
        if path.suffix in {".py", ".jinja"}
        and re.search("/dapi/v1/balance|futures_?account_?balance", path.read_text(encoding="utf-8"), re.IGNORECASE)
    ]


@pytest.mark.parametrize("kind", ["number", "[string, number]", "[number, 'null']"])
def test_decimal_may_be_a_number(tmp_path: Path, kind: str) -> None:
    """A field that may be a number is a decimal; its default may be a number, and is only in its description."""
    old = "$ref: '#/components/schemas/Amount'"
    new = f"type: {kind}\n          format: decimal\n          default: 0.5"

    spec = changed(tmp_path, old, new)
    spec.write_text(spec.read_text().replace(" balance: '0.00250000'", " balance: 0.0025"))
    made = generate("--spec", spec, "--output", tmp_path)

    model = tmp_path / "binance_coinm" / "models" / "futures_account_balance.py"
    assert "" == made.stderr
    assert re.search(r"\n    balance: Decimal( \| None)?\n", model.read_text())
    assert "If it is not sent, the exchange uses 0.5." in model.read_text()


def test_default_of_a_parameter_is_not_sent() -> None:
    """The exchange's default is in the docstring, and an argument that is not given is not sent."""
    assert "If it is not sent, the exchange uses 5000." in " ".join(
        str(AccountOperations.futures_account_balance.__doc__).split()
    )
    assert None is futures_account_balance.build_request()["params"]


def test_missing_document() -> None:
    """A missing document is an error without a traceback."""
    failed = generate("--spec", "nowhere.yaml", "--check")

    assert 1 == failed.returncode
    assert "nowhere.yaml: " in failed.stderr
    assert "Traceback" not in failed.stderr


def test_package_has_document_and_version() -> None:
    """The package contains its document as JSON, and has the document's version."""
    document = yaml.safe_load(core_text())
    bundled = json.loads(BUNDLED_SPEC.read_text(encoding="utf-8"))

    assert document["paths"].items() <= bundled["paths"].items()
    assert document["components"]["schemas"].items() <= bundled["components"]["schemas"].items()
    assert document["info"]["version"] == __version__


def test_upstream_is_unchanged() -> None:
    """The files of the pinned generator that our templates override, or our patches change, are the ones known.

    After a change of the pin: compare the originals with ours, adopt what is new, and write the checksums again with
    `sha256sum` in upstream's folder.
    """
    upstream = Path(openapi_python_client.__file__).parent
    sums = [line.split("  ") for line in (GENERATOR / "upstream.sha256").read_text().splitlines()]

    assert {name: total for total, name in sums} == {
        name: hashlib.sha256((upstream / name).read_bytes()).hexdigest() for _, name in sums
    }
    overridden = {path.name for path in (GENERATOR / "templates").rglob("*.jinja")}
    originals = {path.name for path in (upstream / "templates").rglob("*.jinja")}
    assert overridden & originals == {Path(name).name for _, name in sums if name.endswith(".jinja")}
