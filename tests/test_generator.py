"""The generator: the same bytes from the same document, and nothing from one with a mistake."""

import hashlib
import os
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openapi_python_client
import pytest
from binance_coinm import __version__
from binance_coinm.api.account import futures_account_balance
from documents import ROOT, SPEC, generate, with_operations, write

COMMITTED = ROOT / "generated" / "binance_coinm"


def changed(folder: Path, old: str, new: str) -> Path:
    """Give a copy of the document in which something is changed."""
    text = SPEC.read_text()
    assert old in text
    spec = folder / "changed.yaml"
    spec.write_text(text.replace(old, new, 1))
    return spec


def contents(folder: Path) -> dict[Path, bytes]:
    """Read the files of a folder."""
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_committed_package_is_what_the_document_gives(tmp_path: Path) -> None:
    """What is generated today is what is committed, byte by byte, file by file."""
    made = tmp_path / "binance_coinm"

    assert 0 == generate("--output", made).returncode
    assert contents(COMMITTED) == contents(made)


def test_check_is_content_with_the_committed_package() -> None:
    """The check finds nothing where there is nothing."""
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
def test_check_sees_each_change(tmp_path: Path, change: object, finding: str) -> None:
    """The check fails for a new, a deleted and an edited file, and says what mends it."""
    folder = tmp_path / "binance_coinm"
    shutil.copytree(COMMITTED, folder)
    change(folder)  # type: ignore[operator]  # one of the functions above

    check = generate("--output", folder, "--check")

    assert 1 == check.returncode
    assert finding in check.stderr
    assert "run `make generate`" in check.stderr


def test_check_sees_a_renamed_field(tmp_path: Path) -> None:
    """A field that is renamed in the document makes the committed package out of date."""
    spec = changed(tmp_path, "        crossUnPnl:", "        crossUnrealizedPnl:")
    spec.write_text(spec.read_text().replace("        - crossUnPnl", "        - crossUnrealizedPnl"))

    check = generate("--spec", spec, "--check")

    assert 1 == check.returncode
    assert "futures_account_balance.py" in check.stderr


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        pytest.param("tags: [account]", "tags: [account", "line ", id="no YAML"),
        pytest.param("openapi: 3.1.0", "- openapi", "", id="no document"),
        pytest.param("      parameters:\n", "      paramters:\n", "paths./dapi/v1/balance.get", id="misspelt key"),
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
            "components.schemas.Ring.items.items: refers to #/components/schemas/Ring/items, which is around it",
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
        pytest.param("x-weight: 1", "x-wait: 1", "paths./dapi/v1/balance.get.x-weight", id="no weight"),
        pytest.param(
            "operationId: serverTime", "operationId: futuresAccountBalance", "/dapi/v1/time", id="same name twice"
        ),
        pytest.param("operationId: serverTime", "deprecated: false", "paths./dapi/v1/time.get", id="no name"),
        pytest.param(
            "      format: decimal\n",
            "      format: decimal\n      default: many\n",
            "many",
            id="no decimal",
        ),
        pytest.param("      type: string\n      format: decimal", "      type: number", "balance", id="a float"),
        pytest.param("x-exception: TimestampError", "x-exception: TimeError", "TimeError", id="unknown exception"),
    ],
)
def test_mistakes_leave_the_package_as_it_was(tmp_path: Path, old: str, new: str, place: str) -> None:
    """A document with a mistake is refused with the place of it, and the package stays."""
    folder = tmp_path / "binance_coinm"
    shutil.copytree(COMMITTED, folder)

    failed = generate("--spec", changed(tmp_path, old, new), "--output", folder)

    assert 1 == failed.returncode
    assert place in failed.stderr
    assert "Traceback" not in failed.stderr
    assert contents(COMMITTED) == contents(folder)


@pytest.fixture
def refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Any]], str]:
    """Give the generator as a function of paths that openapi.yaml has beyond its own, which gives why they are refused.

    It runs in this process, where it takes a quarter of the time; what ends a program with a text ends it with 1.
    """
    # What it sets is set back at the end.
    monkeypatch.setenv("PATH", os.environ["PATH"])
    monkeypatch.setattr(sys, "path", [*sys.path])

    def why(paths: dict[str, Any]) -> str:
        spec, package = write(with_operations({"paths": paths}), tmp_path), tmp_path / "odd_client"
        package.mkdir()
        (package / "kept.py").touch()
        settings = {"--spec": spec, "--config": ROOT / "generator-config.yaml", "--output": package}
        arguments = [str(argument) for pair in settings.items() for argument in pair]
        monkeypatch.setattr(sys, "argv", ["generate.py", *arguments, "--package", "odd_client"])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(ROOT / "generator" / "generate.py"), run_name="__main__")
        assert {Path("kept.py"): b""} == contents(package)
        assert isinstance(ended.value.code, str)
        return ended.value.code.removeprefix(f"{spec}: ")

    return why


TEXT = {"type": "string"}
FLOAT = {"type": "number"}
TIME = [{"$ref": "#/components/parameters/timestamp"}, {"$ref": "#/components/parameters/signature"}]
TIME_IN_FORM = {"timestamp": {"type": "integer"}, "signature": TEXT}
NO_FLOAT = "a number needs `format: decimal`, for a float does not hold its digits"
PLAIN = "expected a text, a number, a boolean, an array of them, or content as application/json"


def query(schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Give an operation one parameter in the query."""
    return {"parameters": [{"name": "odd", "in": "query", "schema": schema, **more}]}


def form(fields: dict[str, Any], media_type: str = "application/x-www-form-urlencoded") -> dict[str, Any]:
    """Give an operation a form."""
    return {"requestBody": {"content": {media_type: {"schema": {"type": "object", "properties": fields}}}}}


def answer(schema: dict[str, Any], media_type: str = "application/json") -> dict[str, Any]:
    """Give an operation an answer."""
    return {"responses": {"200": {"description": "Odd.", "content": {media_type: {"schema": schema}}}}}


def operation(**more: Any) -> dict[str, Any]:
    """Give an operation with more than what each one has."""
    usual = {
        "operationId": "odd",
        "tags": ["test"],
        "security": [],
        "x-weight": 1,
        "responses": {"200": {"description": "Nothing."}},
    }
    return usual | more


@pytest.mark.parametrize(
    ("more", "why"),
    [
        pytest.param(
            {"parameters": [{"name": "odd", "in": "header", "schema": TEXT}]},
            ".parameters.odd: expected a parameter in the query or a field of a form, got one in header",
            id="header",
        ),
        pytest.param(
            {"parameters": [{"name": "odd", "in": "cookie", "schema": TEXT}]},
            ".parameters.odd: expected a parameter in the query or a field of a form, got one in cookie",
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
            ".security: expected one security type, or [] for none",
            id="two security types",
        ),
        pytest.param(
            {"security": [{"TRADE": [], "USER_DATA": []}], "parameters": TIME},
            ".security: expected one security type, or [] for none",
            id="two security types at once",
        ),
        pytest.param(
            {"security": [{}]},
            ".security: expected one security type, or [] for none",
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
            ".responses: expected one answer of success, got 200, 204",
            id="two answers of success",
        ),
        pytest.param(
            {"responses": {"2XX": {"description": "Odd."}}},
            ".responses.2XX: expected the one status of success, got a range",
            id="range of success",
        ),
        pytest.param(
            {"responses": {"default": {"description": "Odd."}}},
            ".responses: expected one answer of success, got none",
            id="no answer of success",
        ),
        pytest.param(
            answer(TEXT, "application/xml"),
            ".responses.200: expected an answer as application/json, got application/xml",
            id="XML",
        ),
        pytest.param(query({"type": "object"}), f".parameters.odd: {PLAIN}", id="object"),
        pytest.param(
            query({"type": "array", "items": {"type": "object"}}), f".parameters.odd: {PLAIN}", id="array of objects"
        ),
        pytest.param(query({"type": "array", "prefixItems": [TEXT]}), f".parameters.odd: {PLAIN}", id="tuple"),
        pytest.param(query({"type": ["string", "null"]}), f".parameters.odd: {PLAIN}", id="null"),
        pytest.param(query({"allOf": [TEXT]}), f".parameters.odd: {PLAIN}", id="what upstream takes for a model"),
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
            ".parameters.odd: expected a value or application/json, got application/xml",
            id="XML in the query",
        ),
        pytest.param(
            {"servers": [{"url": "https://other.example"}]}, ".servers: no template makes a client of it", id="servers"
        ),
        pytest.param(
            {"callbacks": {"odd": {"https://my.example": {"post": {"responses": {"200": {"description": "Odd."}}}}}}},
            ".callbacks: no template makes a client of it",
            id="callbacks",
        ),
        pytest.param(
            {"security": [{"TRADE": []}]} | form({"odd": TEXT}),
            ".parameters: TRADE needs ['signature', 'timestamp'] set by the signer, but the document has none",
            id="no timestamp in a signed form",
        ),
        pytest.param(
            {"security": [{"TRADE": []}]} | form({"odd": TEXT, "timestamp": {"type": "integer"}}),
            ".parameters: TRADE needs ['signature', 'timestamp'] set by the signer, but the document has ['timestamp']",
            id="no signature in a signed form",
        ),
        pytest.param(
            {"security": [{"USER_STREAM": []}]} | form(TIME_IN_FORM),
            ".parameters: USER_STREAM needs none set by the signer, but the document has ['signature', 'timestamp']",
            id="signature that nobody sets",
        ),
        pytest.param(
            {"security": [{"TRADE": []}], "parameters": TIME} | form(TIME_IN_FORM),
            ": timestamp is both a parameter and a field of the form",
            id="signed twice",
        ),
        pytest.param(
            query(TEXT) | form({"odd": TEXT}), ": odd is both a parameter and a field of the form", id="twice the same"
        ),
        pytest.param(
            query({"type": "string", "format": "decimal", "default": "NaN"}),
            ".parameters.0.schema.default: expected a finite decimal, got 'NaN'",
            id="default that is no decimal",
        ),
        pytest.param(
            {"operationId": "server_time"}, ".operationId: 'server_time' is taken by another operation", id="name"
        ),
        pytest.param(
            {"x-weight": "1"}, ".x-weight: expected what the operation counts for in the rate limit", id="weight"
        ),
    ],
)
def test_what_no_client_can_be_made_of(
    refusal: Callable[[dict[str, Any]], str], more: dict[str, Any], why: str
) -> None:
    """An operation that the templates cannot do is refused with its place, and the package stays."""
    assert f"paths./test/v1/odd.post{why}" == refusal({"/test/v1/odd": {"post": operation(**more)}})


@pytest.mark.parametrize(
    ("more", "why"),
    [
        pytest.param(query(FLOAT), f"POST /test/v1/odd, odd: {NO_FLOAT}", id="argument"),
        pytest.param(
            form({"odd": {"type": "number", "format": "double"}}), f"POST /test/v1/odd, odd: {NO_FLOAT}", id="field"
        ),
        pytest.param(answer(FLOAT), f"POST /test/v1/odd, response_200: {NO_FLOAT}", id="answer"),
        pytest.param(
            answer({"type": "array", "items": {"type": "array", "prefixItems": [TEXT, {"oneOf": [TEXT, FLOAT]}]}}),
            f"POST /test/v1/odd, response_200: {NO_FLOAT}",
            id="deep in an answer",
        ),
        pytest.param(
            answer(
                {"type": "object", "properties": {"some": {"type": "array", "items": {"type": ["number", "null"]}}}}
            ),
            f"OddResponse200, some: {NO_FLOAT}",
            id="in a model",
        ),
        pytest.param(
            answer({"type": "object", "additionalProperties": FLOAT}),
            f"OddResponse200, AdditionalProperty: {NO_FLOAT}",
            id="by name",
        ),
        pytest.param(
            {"parameters": [{"name": "odd", "in": "query", "content": {"application/json": {"schema": FLOAT}}}]},
            f"POST /test/v1/odd, odd: {NO_FLOAT}",
            id="in JSON",
        ),
        pytest.param(
            query({"type": "string", "format": "date-time"}),
            "POST /test/v1/odd, odd: no template reads or writes a DateTimeProperty",
            id="time",
        ),
        pytest.param(
            answer({"type": "object", "properties": {"some": {"type": "string", "format": "uuid"}}}),
            "OddResponse200, some: no template reads or writes a UuidProperty",
            id="UUID",
        ),
    ],
)
def test_values_that_no_template_reads_or_writes(
    refusal: Callable[[dict[str, Any]], str], more: dict[str, Any], why: str
) -> None:
    """A value of a kind that is none of the exchange's, a float above all, is refused with its place."""
    assert why == refusal({"/test/v1/odd": {"post": operation(**more)}})


@pytest.mark.parametrize(
    ("path", "item", "why"),
    [
        pytest.param("/odd", {"patch": operation()}, "paths./odd.patch: no template makes a client of it", id="PATCH"),
        pytest.param("/odd", {"head": operation()}, "paths./odd.head: no template makes a client of it", id="HEAD"),
        pytest.param(
            "/odd",
            {"get": operation(**form({"odd": TEXT}))},
            "paths./odd.get.requestBody: a GET has all its parameters in the query",
            id="form of a GET",
        ),
        pytest.param(
            "/{odd}",
            {"get": operation(parameters=[{"name": "odd", "in": "path", "required": True, "schema": TEXT}])},
            "paths./{odd}: the exchange has no parameters in paths, and no template writes one",
            id="path",
        ),
        pytest.param(
            "/odd",
            {"get": operation(operationId="serverTime")},
            "document: Operation ID 'serverTime' for 'get' in '/odd' is not unique",
            id="one name for two",
        ),
        pytest.param(
            "/odd",
            {"get": operation(), "servers": [{"url": "https://other.example"}]},
            "paths./odd.servers: no template makes a client of it",
            id="servers",
        ),
        pytest.param(
            "/odd",
            {"get": operation(), "parameters": [{"name": "A", "in": "cookie", "schema": TEXT}]},
            "paths./odd.get.parameters.A: expected a parameter in the query or a field of a form, got one in cookie",
            id="cookie of all",
        ),
    ],
)
def test_paths_that_no_client_can_be_made_of(
    refusal: Callable[[dict[str, Any]], str], path: str, item: dict[str, Any], why: str
) -> None:
    """The same for what stands beside an operation."""
    assert why == refusal({path: item})


def test_nothing_of_one_operation_is_in_what_serves_all() -> None:
    """Templates, plugin and sandbox know no operation but by the document."""
    own = [*ROOT.glob("generator/**/*"), *ROOT.glob("signing_plugin/**/*.py"), *ROOT.glob("sandbox/**/*.py")]

    assert [] == [
        path
        for path in own
        if path.suffix in {".py", ".jinja"}
        and re.search("/dapi/v1/balance|futures_?account_?balance", path.read_text(encoding="utf-8"), re.IGNORECASE)
    ]


def test_parameter_may_have_a_name_that_the_code_needs(tmp_path: Path) -> None:
    """A parameter named like a module that its function uses is called otherwise, and hides nothing."""
    package = tmp_path / "renamed"
    spec = changed(tmp_path, "name: recvWindow", "name: writing")
    made = generate("--spec", spec, "--output", package, "--package", "renamed")
    script = (
        "from renamed.api.account.futures_account_balance import build_request as b; print(b(writing_=7)['params'])"
    )

    called = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert "" == made.stderr
    assert "{'writing': 7}\n" == called.stdout


@pytest.mark.parametrize("kind", ["number", "[string, number]", "[number, 'null']"])
def test_decimal_may_be_a_number(tmp_path: Path, kind: str) -> None:
    """A field that is a number, or a string or a number, is a decimal, and its default may be a number."""
    old = "$ref: '#/components/schemas/Amount'"
    new = f"type: {kind}\n          format: decimal\n          default: 0.5"

    made = generate("--spec", changed(tmp_path, old, new), "--output", tmp_path / "binance_coinm")

    model = tmp_path / "binance_coinm" / "models" / "futures_account_balance.py"
    assert "" == made.stderr
    assert re.search(r'balance: Decimal( \| None)? = Decimal\("0.5"\)', model.read_text())


def test_default_of_a_parameter_is_told_and_not_sent() -> None:
    """The exchange's default stands in the docstring, and an argument that is not given is none."""
    assert "The exchange takes 5000 when it is not sent." in " ".join(str(futures_account_balance.sync.__doc__).split())
    assert None is futures_account_balance.build_request()["params"]


def test_missing_document() -> None:
    """A document that is not there is an error of one line."""
    failed = generate("--spec", "nowhere.yaml", "--check")

    assert 1 == failed.returncode
    assert "nowhere.yaml: " in failed.stderr
    assert "Traceback" not in failed.stderr


def test_package_carries_document_and_version() -> None:
    """The package holds the document that it is made of, and has its version."""
    assert SPEC.read_bytes() == (COMMITTED / "openapi.yaml").read_bytes()
    assert f"\n  version: {__version__}\n" in SPEC.read_text()


def test_upstream_is_what_our_templates_were_made_for() -> None:
    """The pinned generator's files that we stand in for, or reach into, have not changed.

    After a change of the pin: compare the originals with ours, take over what is new, and write the sums anew with
    `sha256sum` in upstream's folder.
    """
    upstream = Path(openapi_python_client.__file__).parent
    sums = [line.split("  ") for line in (ROOT / "generator" / "upstream.sha256").read_text().splitlines()]

    assert {name: total for total, name in sums} == {
        name: hashlib.sha256((upstream / name).read_bytes()).hexdigest() for _, name in sums
    }
    overridden = {path.name for path in (ROOT / "generator" / "templates").rglob("*.jinja")}
    originals = {path.name for path in (upstream / "templates").rglob("*.jinja")}
    assert overridden & originals == {Path(name).name for _, name in sums if name.endswith(".jinja")}
