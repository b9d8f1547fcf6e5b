"""`tools/check_live.py`: it finds what the exchange has changed, in the responses of a sandbox that was bent."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from binance_sandbox import Sandbox
from support.cli_runner import Ended, environment_with
from support.constants import ROOT
from support.operations import DOCUMENT, examples

COMPARED = "{} of 25 public operations of {} were compared with the document.\n"
PATHS = {node["operationId"]: path for path, item in DOCUMENT["paths"].items() for node in item.values()}

# Returns what is sent in place of an example of the document.
Bend = Callable[[Any], object]


def check(server: str, *arguments: object) -> Ended:
    """Compare the responses of a server with the document."""
    process = subprocess.run(
        [sys.executable, ROOT / "tools" / "check_live.py", *map(str, arguments)],
        env=environment_with({"BINANCE_SERVER": server}),
        capture_output=True,
        text=True,
        check=False,
    )
    return Ended(process.returncode, process.stdout, process.stderr)


def differences(report: str) -> list[str]:
    """Return the lines of the report that say what differs."""
    section = report.partition("\nDifferences:\n")[2].partition("\n\n")[0]
    return [line.removeprefix("  ") for line in section.splitlines()]


def bend(sandbox: Sandbox, bends: Mapping[str, Bend]) -> None:
    """Change the responses of operations."""
    for operation_id, change in bends.items():
        # Text is sent as it is, without a comparison with the document.
        sandbox.responses[operation_id] = json.dumps(change(examples(operation_id)[0]))


def with_member(name: str, value: object) -> Bend:
    """Change a member of each row, or add one."""
    return lambda rows: [row | {name: value} for row in rows * 2]


def without_header(operation_id: str, folder: Path) -> Path:
    """Write a document in which an operation's response has no headers; return its path."""
    document = json.loads(json.dumps(DOCUMENT))
    del document["paths"][PATHS[operation_id]]["get"]["responses"]["200"]["headers"]
    path = folder / "openapi.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_ten_bends(tmp_path: Path) -> None:
    """Each way in which the exchange may change is found, once for all rows, and nothing else is."""
    report_file = tmp_path / "report.txt"
    with Sandbox(document=without_header("ticker24hrPriceChangeStatistics", tmp_path)) as sandbox:
        sandbox.respond_next(404, path=PATHS["basis"], body={"code": -5000, "msg": "Path is invalid"})
        bend(
            sandbox,
            {
                "symbolPriceTicker": lambda rows: [
                    row | {"newMember": [number]} for row in rows for number in range(300)
                ],
                "openInterest": lambda interest: {name: interest[name] for name in interest if name != "time"},
                "indexPriceAndMarkPrice": with_member("markPrice", 11029.5),
                "recentTradesList": with_member("baseQty", None),
                "compressedAggregateTradesList": with_member("p", "1e3"),
                "openInterestStatistics": with_member("contractType", "WEEKLY"),
                "klineCandlestickData": lambda candles: [[*candle, "0"] for candle in candles],
                "orderBook": lambda book: book | {"bids": [["9638.0"], ["9637.9"]]},
            },
        )

        code, report, error = check(sandbox.url, "--report", report_file)
        assert report.startswith(COMPARED.format(25, sandbox.url))

    assert [
        "orderBook $.bids[*][1]: expected a value, found nothing",
        'recentTradesList $[*].baseQty: expected type "string", found null',
        'compressedAggregateTradesList $[*].p: expected pattern "^-?(0|[1-9][0-9]*)(\\\\.[0-9]+)?$", found "1e3"',
        'indexPriceAndMarkPrice $[*].markPrice: expected type "string", found 11029.5',
        'klineCandlestickData $[*][12]: expected nothing, found "0"',
        "ticker24hrPriceChangeStatistics: expected the header X-MBX-USED-WEIGHT-1M, found nothing",
        "symbolPriceTicker $[*].newMember: expected nothing, found [0]",
        "openInterest $.time: expected a value, found nothing",
        (
            'openInterestStatistics $[*].contractType: expected enum ["ALL", "PERPETUAL", "CURRENT_QUARTER",'
            ' "NEXT_QUARTER"], found "WEEKLY"'
        ),
        "basis: expected status 200, found HTTP 404, code -5000: Path is invalid",
    ] == differences(report)
    assert (1, "", report) == (code, error, report_file.read_text(encoding="utf-8"))


def test_further_bends(sandbox: Sandbox) -> None:
    """So are those within alternatives, those of plain values, and responses that cannot be read."""
    sandbox.respond_next(302, path=PATHS["orderBook"], headers={"Location": "/dapi/v2/depth"})
    sandbox.responses["basis"] = "<html>"
    filters = [
        {"filterType": "LOT_SIZE", "minQty": 1, "maxQty": "2", "stepSize": "1"},
        {"filterType": "LATER", "limit": 5},
    ]
    bend(
        sandbox,
        {
            "checkServerTime": lambda _: {"serverTime": 1.0},
            "testConnectivity": lambda _: {"a\nb": "\u202e" * 100},
            "exchangeInformation": lambda body: body | {"symbols": [body["symbols"][0] | {"filters": filters}]},
            "recentTradesList": with_member("isBuyerMaker", "true"),
            "compressedAggregateTradesList": lambda _: {},
            "indexPriceAndMarkPrice": with_member("interestRate", "none"),
            "openInterestStatistics": with_member("timestamp", -1),
        },
    )

    code, report, error = check(sandbox.url)

    escaped = "\\u202e" * 13
    assert [
        'checkServerTime $.serverTime: expected type "integer", found 1.0',
        rf'testConnectivity $.a\nb: expected nothing, found "{escaped}\…',
        'exchangeInformation $.symbols[*].filters[*].minQty: expected type "string", found 1',
        "exchangeInformation $.symbols[*].filters[*].limit: expected nothing, found 5",
        "orderBook: expected a response, found HTTP 302: expected a response, got a redirect, which is not followed",
        'recentTradesList $[*].isBuyerMaker: expected type "boolean", found "true"',
        'compressedAggregateTradesList $: expected type "array", found {}',
        (
            'indexPriceAndMarkPrice $[*].interestRate: expected oneOf [{"$ref": "#/components/schemas/Amount"},'
            ' {"type": "string", "const": ""}], found "none"'
        ),
        "openInterestStatistics $[*].timestamp: expected minimum 0, found -1",
        'basis: expected JSON, found "<html>"',
    ] == differences(report)
    assert (1, "") == (code, error)


def test_no_bend(sandbox: Sandbox, tmp_path: Path) -> None:
    """Nothing differs in the document's examples; what they do not have is listed, and the former report removed."""
    report_file = tmp_path / "report.txt"
    report_file.touch()
    bend(
        sandbox,
        {
            "klineCandlestickData": lambda _: [],
            "getFundingRateHistoryOfPerpetualFutures": lambda rows: [*rows, rows[0] | {"rateType": "Regular"}],
        },
    )

    code, report, error = check(sandbox.url, "--report", report_file)

    assert (0, "", False) == (code, error, report_file.exists())
    assert (
        COMPARED.format(25, sandbox.url)
        + (
            "\n"
            "Documented, and in no response, because they are optional or a list was empty:\n"
            "  exchangeInformation $.exchangeFilters[*]\n"
            "  exchangeInformation $.symbols[*].underlyingSubType[*]\n"
            "  getFundingRateHistoryOfPerpetualFutures $[*].markPrice\n"
            "  klineCandlestickData $[*]\n"
        )
        == report
    )


@pytest.mark.parametrize("is_bent", [False, True])
def test_no_response(sandbox: Sandbox, tmp_path: Path, *, is_bent: bool) -> None:
    """A response that says nothing about its operation ends the comparison; what differed before it is reported."""
    if is_bent:
        bend(sandbox, {"checkServerTime": lambda _: {"serverTime": None}})
    sandbox.respond_next(451, path=PATHS["exchangeInformation"])

    code, report, error = check(sandbox.url, "--report", tmp_path / "report.txt")

    assert (1 if is_bent else 2, "", is_bent) == (code, error, (tmp_path / "report.txt").exists())
    assert ['checkServerTime $.serverTime: expected type "integer", found null'] * is_bent == differences(report)
    assert report.startswith(COMPARED.format(2, sandbox.url))
    assert report.endswith(
        "\nThis call failed, and no other one was made after it:\n"
        "  exchangeInformation: HTTP 451, code 0: Service unavailable from a restricted location. (call from a location"
        " that the exchange serves; no setting changes this)\n"
    )
    assert 3 == len(sandbox.received_requests)


def test_no_server(sandbox: Sandbox) -> None:
    """Without a server nothing was compared."""
    url = sandbox.url
    sandbox.close()

    code, report, error = check(url)

    assert (2, "", []) == (code, error, differences(report))
    assert report.startswith(COMPARED.format(0, url) + "\nThis call failed, and no other one was made after it:\n")


def test_invalid_server() -> None:
    """A server that is none is an error of the call."""
    code, report, error = check("elsewhere")

    assert (2, "") == (code, report)
    assert error.endswith("error: BINANCE_SERVER is 'elsewhere'; expected production, demo, testnet or a URL\n")
