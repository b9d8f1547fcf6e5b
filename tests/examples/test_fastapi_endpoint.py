"""examples/fastapi_endpoint.py."""

import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from binance_sandbox import Fault, Sandbox
from programs import EXAMPLES, Ended, assert_no_secrets, ended, environment_of, run, started
from relay import Relay

COMMAND = [sys.executable, "-m", "uvicorn", "--app-dir", str(EXAMPLES), "--port", "0", "fastapi_endpoint:app"]


class Served:
    """The application, and what it has said when it has ended."""

    def __init__(self, client: httpx.Client) -> None:
        """Take the client to ask the application by."""
        self._client = client
        self.ended = Ended(-1, "", "")

    def get(self) -> httpx.Response:
        """Ask for the balances."""
        return self._client.get("/balances")


@contextmanager
def served(sandbox: Sandbox, server: str = "") -> Iterator[Served]:
    """Run the application on a free port until it is told to end."""
    environment = environment_of(sandbox) | {"BINANCE_SERVER": server or sandbox.url}
    with started(sandbox, COMMAND, environment) as process:
        assert process.stderr
        url = None
        while not url:
            line = process.stderr.readline()
            assert line
            url = re.search(r"running on (http://127\.0\.0\.1:\d+)", line)
        with httpx.Client(base_url=url[1], trust_env=False, timeout=60) as client:
            application = Served(client)
            yield application
        process.send_signal(signal.SIGINT)
        application.ended = ended(sandbox, process)
    assert "Application shutdown complete." in application.ended.errors


def test_amounts_are_strings(sandbox: Sandbox) -> None:
    """The JSON has all digits of the exchange, as text."""
    with served(sandbox) as application:
        answer = application.get()

    assert (200, "application/json") == (answer.status_code, answer.headers["content-type"])
    assert answer.json() == sandbox.rows
    assert '"balance":"0.00250000"' in answer.text
    assert '"crossUnPnl":"0.000000000000"' in answer.text


def test_requests_share_a_client(sandbox: Sandbox, relay: Relay) -> None:
    """One connection to the exchange does for requests that follow each other."""
    with served(sandbox, relay.url) as application:
        statuses = [application.get().status_code for _ in range(3)]

    assert statuses == [200, 200, 200]
    assert relay.accepted == 1


@pytest.mark.parametrize(
    ("status", "headers", "expected", "kind", "retry_after"),
    [
        (401, {}, 502, "ApiKeyError", None),
        (403, {}, 502, "FirewallError", None),
        (200, {"content-type": "text/html"}, 502, "ResponseError", None),
        (503, {}, 503, "ExchangeError", None),
        (429, {"Retry-After": "90"}, 503, "RateLimitError", "90"),
        (418, {"Retry-After": "90"}, 503, "IpBannedError", "90"),
    ],
)
def test_errors_are_told_by_their_kind_alone(
    sandbox: Sandbox, status: int, headers: dict[str, str], expected: int, kind: str, retry_after: str | None
) -> None:
    """The caller learns whether to come back; what the exchange said is in the log, and no secret in either."""
    body = "<html>203.0.113.7</html>" if status == 200 else None
    with served(sandbox) as application:
        sandbox.answer_next(status, headers=headers, body=body, times=4)
        answer = application.get()

    assert (expected, {"error": kind}) == (answer.status_code, answer.json())
    assert retry_after == answer.headers.get("retry-after")
    assert_no_secrets(sandbox, f"{answer.text}{answer.headers}")
    assert "203.0.113.7" not in answer.text
    assert f"WARNING:  {kind}: HTTP {status}" in application.ended.errors


def test_no_answer_is_a_503(sandbox: Sandbox) -> None:
    """A connection that breaks is no answer of the exchange, and may be better later."""
    with served(sandbox) as application:
        sandbox.fail_next(Fault.disconnect(), times=4)
        answer = application.get()

    assert (503, {"error": "NetworkError"}) == (answer.status_code, answer.json())


def test_does_not_start_without_credentials(sandbox: Sandbox) -> None:
    """What is missing is told when the application starts, and not at the first request."""
    environment = environment_of(sandbox)
    del environment["BINANCE_API_KEY"]

    code, _, errors = run(sandbox, COMMAND, environment)

    assert code == 3
    assert "ConfigurationError: no credentials: BINANCE_API_KEY is not set" in errors
