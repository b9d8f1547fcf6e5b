"""Documents with mistakes: each is one error that says where in the document it is, and what was expected."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from binance_generator import generate
from binance_generator.reading import read
from binance_generator.spec import FORM, JSON, Node, Place, SpecError
from hypothesis import given
from hypothesis import strategies as st
from openapi_python_client.config import Config, ConfigFile, MetaType
from openapi_python_client.strings import PythonIdentifier
from support.constants import SPEC
from support.specs import core_text

DOCUMENT: dict[str, Any] = yaml.safe_load(core_text())
CONFIG = Config.from_sources(ConfigFile(), MetaType.NONE, SPEC, "utf-8", overwrite=False, output_path=None)
DELETED = object()
TIME = ("paths", "/dapi/v1/time", "get")
BALANCE = ("paths", "/dapi/v1/balance", "get")
CODES = ("components", "schemas", "Error", "x-codes")
ROW = ("components", "schemas", "FuturesAccountBalance")
OPERATION: Node = {"operationId": "odd", "x-weight": 1, "security": [], "responses": {"200": {"description": "Odd."}}}
TEXT = {"type": "string"}
MISSPELLED_ENCODING = {
    "schema": {"type": "object", "properties": {"list": {"type": "array", "items": TEXT}}},
    "encoding": {"lits": {"contentType": JSON}},
}

Keys = tuple[str | int, ...]


def changed(place: Keys, value: object) -> Any:
    """Return the document with another value at a place, or with nothing there."""
    document: Any = copy.deepcopy(DOCUMENT)
    node: Any = document
    for key in place[:-1]:
        node = node[key]
    if value is DELETED:
        del node[place[-1]]
    else:
        node[place[-1]] = copy.deepcopy(value)
    return document


def error_of(document: Any) -> str:
    """Return the generator's error for a document."""
    with pytest.raises(SpecError) as caught:
        generate.parse(document, CONFIG)
    return str(caught.value)


def places(node: Any, place: Keys = ()) -> Iterator[Keys]:
    """Yield the place of each node of a document."""
    for key, child in node.items() if isinstance(node, dict) else enumerate(node if isinstance(node, list) else ()):
        yield (*place, key)
        yield from places(child, (*place, key))


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        pytest.param(b"", None, "expected an OpenAPI document, got an empty file", id="empty"),
        pytest.param(b"# nothing\n", None, "expected an OpenAPI document, got an empty file", id="comment"),
        pytest.param(b"a: \xff\n", None, "expected text in UTF-8, got the byte 0xff", id="not UTF-8"),
        pytest.param(b"a:\n\tb: 1\n", 2, "not valid YAML: while scanning for the next token, found ", id="tab"),
        pytest.param(b"a: [1\n", 2, "not valid YAML: while parsing a flow sequence, expected ", id="bracket"),
        pytest.param(b"a: 1\nb: 2\na: 3\n", 3, "not valid YAML: while constructing a mapping, found dup", id="twice"),
        pytest.param(b"a: 1\n---\nb: 1\n", 2, "not valid YAML: expected a single document", id="two documents"),
        pytest.param(b"a: !!int x\n", None, "not valid YAML: invalid literal for int", id="no integer"),
        pytest.param(b"a: !!float ''\n", None, "not valid YAML: ", id="no float"),
        pytest.param(b"a: !!bool maybe\n", None, "not valid YAML: ", id="no boolean"),
        pytest.param(b"a: " + b"9" * 5000, None, "not valid YAML: Exceeds the limit", id="huge integer"),
        pytest.param(b"[" * 5000, None, "nested too deeply", id="deep nesting"),
        pytest.param(b"a: 1\nb: !odd 1\n", 2, "not valid YAML: could not determine a constructor", id="tag"),
        pytest.param(b"a: 1\n[b]: 1\n", 2, "expected text as the key", id="list as a key"),
        pytest.param(b"a: &a\n  b: *a\n", 1, "a.b: an alias of a node that contains it", id="endless alias"),
    ],
)
def test_files(tmp_path: Path, content: bytes, line: int | None, message: str) -> None:
    """A file that is not YAML of UTF-8 is an error with its line."""
    path = tmp_path / "odd.yaml"
    path.write_bytes(content)

    with pytest.raises(SpecError) as caught:
        read(path)

    assert str(caught.value).startswith(message)
    assert Place(path, line) == caught.value.place


def test_yaml_without_surprises(tmp_path: Path) -> None:
    """Keys and dates are text, as in JSON; a byte order mark, aliases and merge keys are fine."""
    path = tmp_path / "odd.yaml"
    path.write_bytes(
        b"\xef\xbb\xbfresponses: {200: &a {on: 1}, 1.0: x}\ndate: 2020-01-01\nmore:\n  <<: *a\n  true: [no, 010]\n"
    )

    document, places = read(path)

    assert {
        "responses": {"200": {"on": 1}, "1.0": "x"},
        "date": "2020-01-01",
        "more": {"on": 1, "true": ["no", 10]},
    } == document
    assert [1, 5, 3, 1] == [
        places.find(location).line
        for location in ("responses.200.on", "more.true.0", "more.missing", "responses.1.0.x.y")
    ]


SECTION = """
components:
  pathItems:
    depth: {get: {operationId: depth, x-weight: 1, responses: {'200': {$ref: '#/components/responses/A'}}}}
  responses:
    A:
      description: The order book.
      content: {application/json: {schema: {$ref: '#/components/schemas/Depth'}}}
  schemas:
    Depth: {type: object, properties: {price: {$ref: '../openapi.yaml#/components/schemas/Amount'}}}
"""
PATH = "/dapi/v1/depth"
IN_SECTION = "section/market.yaml#/components/pathItems/depth"


def in_files(folder: Path, section: str = SECTION, reference: str = IN_SECTION) -> Path:
    """Write a document whose path refers to another file; return the root."""
    document = copy.deepcopy(DOCUMENT)
    document["paths"][PATH] = {"$ref": reference}
    root = folder / "openapi.yaml"
    root.write_text(json.dumps(document, indent=1), encoding="utf-8")
    (folder / "section").mkdir()
    (folder / "section" / "market.yaml").write_text(section, encoding="utf-8")
    return root


def test_files_become_one_document(tmp_path: Path) -> None:
    """Components of other files are the document's own, a path has the path item, and each node its file and line."""
    document, places = read(in_files(tmp_path))

    assert "depth" == document["paths"][PATH]["get"]["operationId"]
    assert "#/components/schemas/Amount" == document["components"]["schemas"]["Depth"]["properties"]["price"]["$ref"]
    assert DOCUMENT["paths"] == {path: item for path, item in document["paths"].items() if path != PATH}
    schemas = DOCUMENT["components"]["schemas"]
    assert schemas == {name: document["components"]["schemas"][name] for name in schemas}
    generate.parse(document, CONFIG)
    section = tmp_path / "section" / "market.yaml"
    assert Place(section, 4) == places.find(f"paths.{PATH}.get.x-weight")
    assert Place(section, 10) == places.find("components.schemas.Depth.properties.price")
    assert tmp_path / "openapi.yaml" == places.find("components.schemas.Amount").file


def test_file_that_refers_to_itself(tmp_path: Path) -> None:
    """A reference by the name of the file itself is one within the document."""
    root = in_files(tmp_path, reference="openapi.yaml#/paths/~1dapi~1v1~1time")

    document, places = read(root)

    assert document["paths"]["/dapi/v1/time"] is document["paths"][PATH]
    assert places.find("paths./dapi/v1/time.get") == places.find(f"paths.{PATH}.get")


def test_mistake_in_another_file(tmp_path: Path) -> None:
    """A mistake in another file is an error with the line of that file."""
    root = in_files(tmp_path, SECTION.replace("x-weight: 1", "x-weight: -1"))

    with pytest.raises(SpecError, match=f"paths.{PATH}.get.x-weight: expected a weight") as caught:
        generate.generate(root, generate.DEFAULT_CONFIG, tmp_path / "client")

    assert Place(tmp_path / "section" / "market.yaml", 4) == caught.value.place


@pytest.mark.parametrize(
    ("section", "reference", "place", "message"),
    [
        pytest.param(
            SECTION,
            "section/later.yaml#/components/pathItems/depth",
            "openapi.yaml",
            f"paths.{PATH}: refers to section/later.yaml#/components/pathItems/depth, but there is no file ",
            id="file",
        ),
        pytest.param(
            SECTION,
            "section/market.yaml#/components/pathItems/later",
            "openapi.yaml",
            f"paths.{PATH}: refers to #/components/pathItems/later in ",
            id="path item",
        ),
        pytest.param(
            SECTION.replace("schemas/Amount", "schemas/Later"),
            IN_SECTION,
            "section/market.yaml:10",
            "components.schemas.Depth.properties.price: refers to #/components/schemas/Later in ",
            id="component",
        ),
        pytest.param(
            f"{SECTION}    Amount: {{type: string}}\n",
            IN_SECTION,
            "section/market.yaml:11",
            "components.schemas.Amount: stands in ",
            id="twice",
        ),
        pytest.param(f"{SECTION}  a: [\n", IN_SECTION, "section/market.yaml:12", "not valid YAML: ", id="no YAML"),
        pytest.param(
            "- components\n", "section/market.yaml#/0", "section/market.yaml:1", "expected an object", id="list"
        ),
        pytest.param(
            f"{SECTION}  headers: []\n",
            IN_SECTION,
            "section/market.yaml:11",
            "components.headers: expected an object",
            id="no object",
        ),
    ],
)
def test_mistakes_between_files(tmp_path: Path, section: str, reference: str, place: str, message: str) -> None:
    """A reference to nothing, a name that two files have, and a file that is none are errors with their place."""
    with pytest.raises(SpecError) as caught:
        read(in_files(tmp_path, section, reference))

    assert str(caught.value).startswith(message)
    assert str(caught.value.place).startswith(str(tmp_path / place))


@pytest.mark.parametrize("document", [[], "odd", 1, None], ids=["list", "text", "number", "nothing"])
def test_no_object(document: Any) -> None:
    """A document that is not an object is an error."""
    assert error_of(document).startswith("expected an OpenAPI document, got ")


PAGING = {
    "start": "recvWindow",
    "end": "recvWindow",
    "size": "recvWindow",
    "order-by": "updateTime",
    "identity": ["asset"],
}


@pytest.mark.parametrize(
    ("operation", "paging", "message"),
    [
        (BALANCE, {}, ""),
        (BALANCE, {"max-span": 1000, "without": ["recvWindow"]}, ""),
        (BALANCE, {"start": "odd"}, "/balance.get.x-paging.start: expected a parameter that is an integer, got 'odd'"),
        (BALANCE, {"size": "odd"}, "/balance.get.x-paging.size: expected a parameter that is an integer, got 'odd'"),
        (BALANCE, {"end": "timestamp"}, "x-paging.end: expected a parameter that is an integer, got 'timestamp'"),
        (BALANCE, {"max-span": 0}, "x-paging.max-span: expected a number of milliseconds"),
        (BALANCE, {"without": ["odd"]}, "x-paging.without.0: expected an optional parameter, got 'odd'"),
        (BALANCE, {"order-by": "updatetime"}, "x-paging.order-by: expected a required member of the rows (acc"),
        (BALANCE, {"identity": ["asset", "odd"]}, "x-paging.identity: expected a required member of the rows (acc"),
        (BALANCE, {"identity": []}, "x-paging.identity: expected names of members of the rows"),
        (BALANCE, {"odd": 1}, "x-paging.odd: not supported"),
        (TIME, {}, "x-paging: expected a response that is a list of objects, or of tuples with titles"),
    ],
)  # fmt: skip
def test_paging(operation: Keys, paging: dict[str, Any], message: str) -> None:
    """Parameters and members of `x-paging` have to be there, and of the right types."""
    document = changed(("components", "parameters", "recvWindow", "schema", "maximum"), 60_000)
    document["paths"][TIME[1]]["get"]["parameters"] = [{"$ref": "#/components/parameters/recvWindow"}]
    document["paths"][operation[1]]["get"]["x-paging"] = PAGING | paging
    if message:
        assert message in error_of(document)
    else:
        generate.parse(document, CONFIG)


def test_pages_of_a_period_without_its_end() -> None:
    """Rows with an identity are those of a period, which has an end."""
    paging = {name: value for name, value in PAGING.items() if name != "end"}

    assert "x-paging.end: missing" in error_of(changed((*BALANCE, "x-paging"), paging))


def test_pages_without_a_size() -> None:
    """Without a maximum, the size of a page is not known."""
    assert "x-paging.size: recvWindow has no maximum, which is the size of a page" in error_of(
        changed((*BALANCE, "x-paging"), PAGING)
    )


@pytest.mark.parametrize("key", ["openapi", "info", "servers", "paths", "components"])
def test_missing_part(key: str) -> None:
    """A document without one of its parts is an error that names it."""
    assert error_of(changed((key,), DELETED)).startswith(f"{key}: missing")


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        pytest.param(("openapi",), 3.1, "openapi: expected a version of OpenAPI 3.1 in quotes", id="version"),
        pytest.param(("servers", 0, "x-name"), DELETED, "servers.0.x-name: missing; expected the name", id="x-name"),
        pytest.param(("servers", 1, "x-name"), "PRODUCTION", "servers.1.x-name: PRODUCTION stands twice", id="servers"),
        pytest.param(("servers",), [], "servers: expected at least one server, got a list", id="no server"),
        pytest.param((*TIME, "x-wieght"), 1, "/time.get.x-wieght: not supported; did you mean x-weight?", id="x-"),
        pytest.param(
            (*TIME, "x-weight"), DELETED, "/time.get.x-weight: missing; expected the operation's", id="weight"
        ),
        pytest.param(
            (*TIME, "x-weight"), -1, "/time.get.x-weight: expected a weight in the rate limit, ", id="below 0"
        ),
        pytest.param((*TIME, "x-weight"), 1.5, "/time.get.x-weight: expected a weight in the rate limit, ", id="float"),
        pytest.param(
            (*TIME, "x-result-for"), ["odd"], "/time.get.x-result-for.0: expected a parameter that is a list", id="for"
        ),
        pytest.param((*TIME, "x-queried-by"), "a", "/time.get.x-queried-by: the operation changes nothing", id="read"),
        pytest.param(
            ("paths", "/odd"),
            {"post": OPERATION | {"x-queried-by": "futuresAcountBalance"}},
            "paths./odd.post.x-queried-by: expected the operationId of a read, got 'futuresAcountBalance'",
            id="query",
        ),
        pytest.param(
            ("components", "headers", "OrderCount10"),
            {"schema": {"type": "integer"}},
            "components.headers.OrderCount10: expected OrderCount and an interval such as 10S",
            id="interval",
        ),
        pytest.param((*TIME, "operationId"), DELETED, "/time.get.operationId: missing; expected the name", id="name"),
        pytest.param((*TIME, "tags"), ["a", "b"], "/time.get.tags: expected one tag, which is", id="second tag"),
        pytest.param(
            (*ROW, "properties", "asset", "type"),
            "strng",
            "components.schemas.FuturesAccountBalance.properties.asset.type: expected string, integer, number,"
            " boolean, array, object, null, got 'strng'; did you mean string?",
            id="type",
        ),
        pytest.param(
            ("components", "schemas", "Amount", "format"),
            "decmial",
            "components.schemas.Amount.format: expected decimal, int64, int32, got 'decmial'; did you mean decimal?",
            id="format",
        ),
        pytest.param(
            (*ROW, "required", 0),
            "acountAlias",
            "FuturesAccountBalance.required.0: a property that the schema does not have; did you mean accountAlias?",
            id="required",
        ),
        pytest.param((*ROW, "nullable"), True, ".nullable: not supported: in OpenAPI 3.1 it is type: [str", id="null"),
        pytest.param(
            (*TIME, "security"),
            [{"ODD": []}],
            "/time.get.security: unknown type 'ODD'; known are USER_DATA",
            id="type?",
        ),
        pytest.param(
            ("components", "schemas", "Odd"),
            {"$ref": "other.yaml#/Odd"},
            "components.schemas.Odd.$ref: expected a reference to a schema, such as",
            id="other file",
        ),
        pytest.param(
            (*BALANCE, "parameters", 0),
            {"$ref": "#/components/schemas/Amount"},
            "balance.get.parameters.0.$ref: expected a reference such as #/components/parameters/…, got",
            id="other kind",
        ),
        pytest.param(
            ("components", "schemas", "Amount"),
            {"$ref": "#/components/schemas/Amount"},
            ": refers to #/components/schemas/Amount, which leads back to itself",
            id="itself",
        ),
        pytest.param((*CODES, 1, "code"), -1000, "x-codes.1.code: -1000 stands twice", id="code twice"),
        pytest.param((*CODES, 0, "x-advice"), "Odd.", "x-codes.0.x-advice: not supported", id="old name"),
        pytest.param((*CODES, 0, "x-execution"), "maybe", "x-execution: expected not_executed, unknown,", id="maybe"),
        pytest.param(
            ("components", "responses", "IpBanned", "x-banned-until"),
            "(",
            "IpBanned.x-banned-until: expected a regular expression, got '('",
            id="pattern",
        ),
        pytest.param(
            ("components", "responses", "ServerError", "x-exception"),
            "ExchangeError",
            "responses.5XX: x-exception needs a single status; a range can have x-exception-else",
            id="range",
        ),
        pytest.param(
            ("components", "securitySchemes", "USER_DATA", "x-signed"),
            DELETED,
            "securitySchemes.USER_DATA.x-signed: missing; expected whether requests are signed",
            id="x-signed",
        ),
        pytest.param(
            ("components", "parameters", "recvWindow", "schema", "default"),
            "many",
            "parameters.recvWindow.schema.default: expected a value of the schema, got 'many'",
            id="default",
        ),
        pytest.param(
            (*TIME, "responses", "200", "content", JSON, "examples", "someTime", "value"),
            {"serverTime": "now"},
            ".examples.someTime.value: expected a value of the schema, got 'now' at $.serverTime",
            id="example",
        ),
        pytest.param(
            ("paths", "/odd"),
            {"post": OPERATION | {"requestBody": {"content": {FORM: MISSPELLED_ENCODING}}}},
            ".encoding.lits: no field of the form; did you mean list?",
            id="encoding",
        ),
        pytest.param(
            (*TIME, "responses", "200", "description"), 1e999, ": expected a finite number, got inf", id="inf"
        ),
    ],
)
def test_mistakes(place: Keys, value: object, message: str) -> None:
    """A mistake is an error that names its place."""
    assert message in error_of(changed(place, value))


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        pytest.param(
            {"type": "string", "enum": [True, False]}, "enum: expected strings only or integers only, st", id="bool"
        ),
        pytest.param({"type": "string", "enum": ["a", "a"]}, "enum: expected a list of different values", id="twice"),
        pytest.param({"type": "string", "enum": []}, "enum: expected a list of different values", id="none"),
        pytest.param({"type": "string", "enum": ["a", None]}, "enum.1: expected a string, in quotes where", id="null"),
        pytest.param(
            {"type": "string", "enum": ["a", "b"], "x-enum-varnames": ["A"]},
            "x-enum-varnames: expected 2 names, one for each value, got 1",
            id="names",
        ),
        pytest.param({"enum": ["a", 1]}, "enum: expected strings only or integers only", id="mixed"),
        pytest.param({"type": "integer", "enum": ["1"]}, "enum.0: expected integers, got '1'", id="no integer"),
        pytest.param(
            {"type": "boolean", "enum": [True]}, "type: expected string, integer, got 'boolean'", id="boolean"
        ),
        pytest.param({"type": "array"}, "items: missing; expected the schema of the items", id="no items"),
        pytest.param(
            {"type": "string", "format": "int64"}, "type: expected integer, got 'string'", id="format of another type"
        ),
        pytest.param(
            {"type": "integer", "format": "decimal"}, "type: expected string, number, got 'integer'", id="decimal"
        ),
        pytest.param({"type": "string", "patern": "a"}, "patern: not supported; did you mean pattern?", id="key"),
    ],
)
def test_schemas(schema: Node, message: str) -> None:
    """A schema that says nothing that can be generated is an error that names its place."""
    parameter = {"name": "odd", "in": "query", "schema": schema}
    document = changed(("paths", "/odd"), {"get": OPERATION | {"parameters": [parameter]}})

    assert error_of(document).startswith(f"paths./odd.get.parameters.0.schema.{message}")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        pytest.param(["odd", "odd"], ".parameters.1: odd stands twice", id="twice"),
        pytest.param(["odd!", "odd"], ": ", id="same name in Python"),
    ],
)
def test_names_of_parameters(parameters: list[str], message: str) -> None:
    """Parameters that cannot have different names in Python are an error that names the operation."""
    listed = [{"name": name, "in": "query", "schema": TEXT} for name in parameters]

    error = error_of(changed(("paths", "/odd"), {"get": OPERATION | {"parameters": listed}}))

    assert error.startswith(f"paths./odd.get{message}")
    assert "odd" in error.partition(": ")[2]


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ({"parameter": "odd"}, ".sent: missing"),
        ({"parameter": "odd", "sent": 1}, ".not-sent: missing"),
        ({"parameter": "odd", "sent": 1, "not-sent": 40, "up-to": {"5": 1}}, ".sent: not supported: the weight has"),
        ({"parameter": "odd", "up-to": {}}, ".up-to: "),
        ({"parameter": "odd", "up-to": {"many": 1}}, ".up-to.many: expected the largest value that has this weight"),
        ({"parameter": "odd", "up-to": {"5": -1}}, ".up-to.5: "),
        (
            {"parameter": "od", "sent": 1, "not-sent": 40},
            ".parameter: expected a parameter of the operation (odd, many",
        ),
        ({"parameter": "odd", "up-to": {"5": 1}}, ".up-to: expected a parameter that is an integer, but odd is not"),
        ({"parameter": "many", "up-to": {"5": 1}}, ".up-to: many has no default, which decides the weight"),
        ({"parameter": "must", "sent": 1, "not-sent": 2}, ".not-sent: must is required, so it is always sent"),
    ],
)
def test_weights(weight: Node, message: str) -> None:
    """A weight that cannot be computed from its parameter is an error."""
    parameters = [
        {"name": "odd", "in": "query", "schema": TEXT},
        {"name": "many", "in": "query", "schema": {"type": "integer"}},
        {"name": "must", "in": "query", "required": True, "schema": TEXT},
    ]
    document = changed(("paths", "/odd"), {"get": OPERATION | {"parameters": parameters, "x-weight": weight}})

    assert error_of(document).startswith(f"paths./odd.get.x-weight{message}")


@pytest.mark.parametrize("tags", [["async"], ["trade", "async trade"]])
def test_tags_with_the_same_class(tags: list[str]) -> None:
    """Tags whose groups of methods would have the same name are an error."""
    document = copy.deepcopy(DOCUMENT)
    for tag in tags:
        document["paths"][f"/{tag.replace(' ', '_')}"] = {
            "get": OPERATION | {"operationId": f"odd{tag}", "tags": [tag]}
        }

    assert "choose another tag" in error_of(document)


def test_defaults_are_not_sent() -> None:
    """A default of a parameter, a form field or a model is in the description alone, even behind a reference."""
    kind = {"type": "string", "enum": ["GTC", "IOC"], "default": "GTC"}
    order = {"type": "object", "properties": {"direct": kind, "tif": {"$ref": "#/components/schemas/Tif"}}}
    fields = {
        "tif": {"$ref": "#/components/schemas/Order/properties/tif"},
        "orders": {"type": "array", "items": {"$ref": "#/components/schemas/Order"}},
    }
    body = {"schema": {"type": "object", "properties": fields}, "encoding": {"orders": {"contentType": JSON}}}
    document = changed(("components", "schemas", "Tif"), kind)
    document["components"]["schemas"]["Order"] = order
    document["paths"]["/odd"] = {"post": OPERATION | {"requestBody": {"content": {FORM: body}}}}

    data, _ = generate.parse(document, CONFIG)

    [endpoint] = data.endpoint_collections_by_tag[PythonIdentifier("default", "tag")].endpoints
    [model] = [model for model in data.models if model.class_info.name == "Order"]
    sent = [endpoint.query_parameters[0], *(model.optional_properties or ())]
    assert [(None, "If it is not sent, the exchange uses GTC.")] * 3 == [(p.default, p.description) for p in sent]


VALUES: list[object] = [DELETED, None, 0, -1, True, "", "x", "2020", 1.5, [], {}, ["x"], {"x": "y"}]


@given(place=st.sampled_from(sorted(places(DOCUMENT), key=repr)), value=st.sampled_from(VALUES))
def test_any_change(place: Keys, value: object) -> None:
    """Whatever is deleted or replaced: a client can be generated, or one error says in one line where it is."""
    errors: list[SpecError] = []
    try:
        generate.parse(changed(place, value), CONFIG)
    except SpecError as error:
        errors.append(error)

    assert all(error.location and "\n" not in str(error) for error in errors)
