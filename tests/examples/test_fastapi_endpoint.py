"""examples/fastapi_endpoint.py."""

import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from binance_sandbox import Fault, Sandbox
from support.example_runner import EXAMPLES, Ended, assert_no_secrets, ended, environment_of, run, started
from support.recording_proxy import RecordingProxy

COMMAND = [sys.executable, "-m", "uvicorn", "--app-dir", str(EXAMPLES), "--port", "0", "fastapi_endpoint:app"]


class Served:
    """The running application, and its output after it has ended."""

    def __init__(self, client: httpx.Client) -> None:
        """Store the HTTP client of the application."""
        self._client = client
        self.ended = Ended(-1, "", "")

    def get(self) -> httpx.Response:
        """Request the balances."""
        return self._client.get("/balances")


@contextmanager
def served(sandbox: Sandbox, server: str = "") -> Iterator[Served]:
    """Run the application on a free port until the end of the block."""
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
    """Amounts in the JSON are strings with all digits."""
    sandbox.balances[0]["crossUnPnl"] = "0.000000000000"
    with served(sandbox) as application:
        response = application.get()

    assert (200, "application/json") == (response.status_code, response.headers["content-type"])
    assert response.json() == sandbox.balances
    assert '"balance":"0.00250000"' in response.text
    assert '"crossUnPnl":"0.000000000000"' in response.text


def test_requests_share_a_client(sandbox: Sandbox, relay: RecordingProxy) -> None:
    """Successive requests share one connection to the exchange."""
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
def test_errors_have_only_their_name(
    sandbox: Sandbox, status: int, headers: dict[str, str], expected: int, kind: str, retry_after: str | None
) -> None:
    """The response tells whether to retry; the message of the exchange is in the log; no secret is in either."""
    body = "<html>203.0.113.7</html>" if status == 200 else None
    with served(sandbox) as application:
        sandbox.respond_next(status, headers=headers, body=body, times=4)
        response = application.get()

    assert (expected, {"error": kind}) == (response.status_code, response.json())
    assert retry_after == response.headers.get("retry-after")
    assert_no_secrets(sandbox, f"{response.text}{response.headers}")
    assert "203.0.113.7" not in response.text
    assert f"WARNING:  {kind}: HTTP {status}" in application.ended.errors


def test_lost_connection_is_a_503(sandbox: Sandbox) -> None:
    """A connection that breaks is a temporary error."""
    with served(sandbox) as application:
        sandbox.inject_fault(Fault.disconnect(), times=4)
        response = application.get()

    assert (503, {"error": "NetworkError"}) == (response.status_code, response.json())


def test_does_not_start_without_credentials(sandbox: Sandbox) -> None:
    """Missing credentials are an error when the application starts, not at the first request."""
    environment = environment_of(sandbox)
    del environment["BINANCE_API_KEY"]

    code, _, errors = run(sandbox, COMMAND, environment)

    assert code == 3
    assert "ConfigurationError: no credentials: BINANCE_API_KEY is not set" in errors
