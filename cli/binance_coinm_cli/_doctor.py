"""`binance-coinm doctor`: check each step of a call, and say what was found and what to do."""

import os
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from enum import Enum
from typing import Any, Self
from urllib.parse import unquote_to_bytes

import httpx
from attrs import define, field, frozen
from binance_client.connections.flows import WaitTimeoutError
from binance_client.connections.proxies import load_proxies
from binance_client.connections.resolver import resolve
from binance_client.connections.tls_settings import load_tls_settings
from binance_client.policy.deadline import SECONDS_PER_DAY
from binance_coinm import Client, Credentials, Ed25519Key, HmacKey, RsaKey
from binance_coinm.api.account import futures_account_balance
from binance_coinm.api.market import check_server_time
from binance_coinm.errors import BinanceError, ConfigurationError, TimestampError
from binance_coinm.spec import SPEC
from rich.console import Console
from rich.text import Text

from . import ExitCode
from ._output import escape_control_chars, format_timestamp, hint, mask, message, print_wrapped, spinner, stdout_console
from ._target import Target, server_label

# Nothing is signed with these; they serve the checks that need no credentials.
_PLACEHOLDER = Credentials("none", HmacKey("none"))
_DEFAULT_PORTS = {"https": 443, "http": 80}
_SOCKS_PORT = 1080
_SIGNATURES = {
    "HMAC": "HMAC-SHA256 in hexadecimal",
    "Ed25519": "Ed25519 in base64",
    "RSA": "RSA with SHA-256 in base64",
}


class Status(Enum):
    """Outcome of a check, with its label, its style and the exit code that it leads to."""

    OK = ("ok", "green", ExitCode.OK)
    FAILED = ("FAILED", "bold red", ExitCode.FAILURE)
    MISCONFIGURED = ("FAILED", "bold red", ExitCode.USAGE)
    SKIPPED = ("skipped", "yellow", ExitCode.OK)

    def __init__(self, label: str, style: str, exit_code: ExitCode) -> None:
        self.label = label
        self.style = style
        self.exit_code = exit_code


_INDENT = max(len(status.label) for status in Status) + 2


@frozen
class CheckResult:
    """What a check found; if it failed, also what was expected and what to do."""

    status: Status
    found: str
    expected: str = ""
    to_do: str = ""


def ok(found: str) -> CheckResult:
    """Return the result of a check that passed."""
    return CheckResult(Status.OK, found)


def failed(found: str, *, expected: str, to_do: str) -> CheckResult:
    """Return the result of a check that failed."""
    return CheckResult(Status.FAILED, found, expected, to_do)


def misconfigured(error: ConfigurationError, *, expected: str, to_do: str) -> CheckResult:
    """Return the result of a check that is impossible with these settings."""
    return CheckResult(Status.MISCONFIGURED, message(error), expected, to_do)


@frozen
class Endpoint:
    """The host that connections are opened to: the server, or a proxy before it."""

    host: str
    port: int
    is_proxy: bool = False

    def __str__(self) -> str:
        """Return the host, marked if it is a proxy."""
        return f"the proxy {self.host}" if self.is_proxy else self.host

    @classmethod
    def for_url(cls, url: httpx.URL) -> Self:
        """Return the endpoint of connections for a URL; as in `connect`, only https uses the environment's proxy."""
        proxy = load_proxies(None, url, trust_env=url.scheme == "https").proxy_for(url)
        if proxy is not None:
            port = proxy.url.port or _DEFAULT_PORTS.get(proxy.url.scheme, _SOCKS_PORT)
            return cls(proxy.url.host, port, is_proxy=True)
        return cls(url.host, url.port or _DEFAULT_PORTS[url.scheme])


@define
class DoctorContext:
    """What the checks share: each one sets what later ones need. Closing `stack` closes the client."""

    target: Target
    stack: ExitStack
    credentials: Credentials = _PLACEHOLDER
    # Set by check_server; it makes a single attempt for each call.
    client: Client = field(init=False)
    offset_ms: int | None = None

    @property
    def url(self) -> httpx.URL:
        """The server's URL."""
        return httpx.URL(self.client.base_url)

    @property
    def endpoint(self) -> Endpoint:
        """The host that connections are opened to."""
        return Endpoint.for_url(self.url)

    @property
    def key_type(self) -> str:
        """The type of the key."""
        types = {HmacKey: "HMAC", Ed25519Key: "Ed25519", RsaKey: "RSA"}
        return next(name for kind, name in types.items() if isinstance(self.credentials.key, kind))


@frozen
class Check:
    """A check, and the titles of the earlier ones that have to pass before it."""

    title: str
    run: Callable[[DoctorContext], CheckResult]
    needs: tuple[str, ...] = ()


def check_credentials(context: DoctorContext) -> CheckResult:
    """Load the credentials of the sandbox, or of the environment."""
    try:
        context.credentials = context.target.credentials or Credentials.from_env()
    except ConfigurationError as error:
        return misconfigured(
            error,
            expected="an API key and its secret or private key in the environment",
            to_do="set what is missing or invalid (API keys are created on the exchange's website, in the account's API"
            " Management, for each server), or run binance-coinm doctor --sandbox, which needs no account",
        )
    api_key = mask(context.credentials.api_key)
    if context.target.is_sandbox:
        return ok(f"created by the sandbox, API key {api_key}")
    source_of = context.target.source_of
    key = "BINANCE_PRIVATE_KEY_FILE" if os.environ.get("BINANCE_PRIVATE_KEY_FILE") else "BINANCE_API_SECRET"
    return ok(f"{source_of('BINANCE_API_KEY')} ({api_key}) and {source_of(key)}")


def check_key(context: DoctorContext) -> CheckResult:
    """Show the type of the key, which has to be the one that is registered with the API key."""
    return ok(f"{context.key_type}, {'a secret' if context.key_type == 'HMAC' else 'a private key'}")


def check_server(context: DoctorContext) -> CheckResult:
    """Create a client of the server."""
    try:
        client = context.stack.enter_context(context.target.client(context.credentials))
    except ConfigurationError as error:
        return misconfigured(
            error,
            expected="a server name or an https URL, and valid settings of certificates and proxies",
            to_do="correct the setting that is named above",
        )
    context.client = client.with_options(retry=None)
    return ok(f"{server_label(client.base_url)} ({context.target.server_source})")


def check_dns(context: DoctorContext) -> CheckResult:
    """Resolve the host of the endpoint; a proxy resolves the server's host itself."""
    endpoint, timeout = context.endpoint, context.target.timeout
    try:
        found = resolve(endpoint.host, endpoint.port, timeout)
    except (OSError, WaitTimeoutError) as error:
        return failed(
            f"{endpoint}: {_reason(error)}",
            expected=f"an IP address within {timeout:g} s",
            to_do="check the spelling of the server, the network, and this machine's DNS settings",
        )
    # A dict keeps each address once, in order.
    addresses = list(dict.fromkeys(str(address[0]) for *_, address in found))
    is_address = addresses == [endpoint.host]
    return ok(f"{endpoint} {'is an IP address' if is_address else 'resolves to ' + ', '.join(addresses)}")


def check_connection(context: DoctorContext) -> CheckResult:
    """Connect to the endpoint, and verify the server's certificate as a client does."""
    endpoint = context.endpoint
    try:
        return ok(_connect(endpoint, context.url.scheme, context.target.timeout))
    except ssl.SSLCertVerificationError as error:
        return failed(
            f"{endpoint} has an invalid certificate: {error.verify_message}",
            expected="a certificate of this host by an authority that this machine trusts (SSL_CERT_FILE)",
            to_do="check this machine's clock, and whether a proxy or a virus scanner intercepts TLS",
        )
    except ssl.SSLError as error:
        return failed(
            f"{endpoint} does not speak TLS: {_reason(error)}",
            expected="TLS",
            to_do="check the scheme and port of the server, and any proxy in between",
        )
    except OSError as error:
        return failed(
            f"{endpoint}, port {endpoint.port}: {_reason(error)}",
            expected=f"a connection within {context.target.timeout:g} s",
            to_do="check the network, firewalls and proxies (HTTPS_PROXY), and the server's port",
        )


def check_clock(context: DoctorContext) -> CheckResult:
    """Request the exchange's time over an open connection, and compare it with this machine's."""
    try:
        # The first call opens the connection.
        check_server_time.sync(client=context.client)
        sent, start = time.time() * 1000, time.monotonic()
        exchange_time = check_server_time.sync(client=context.client).server_time
        round_trip = _ms_since(start)
    except BinanceError as error:
        return failed(message(error), expected="the exchange's time", to_do=hint(error))
    # The exchange read its clock halfway through the round trip, and truncated it to milliseconds.
    offset = exchange_time + 0.5 - (sent + round_trip / 2)
    context.offset_ms = round(offset)
    # The age of a request that arrives now, as the exchange sees it.
    age = offset + round_trip / 2
    side = "ahead of" if offset >= 0 else "behind"
    found = f"round trip {round_trip:.1f} ms; the exchange's clock is {abs(offset):.0f} ms {side} this machine's"
    recv_window, max_skew = SPEC.default_recv_window or 0, SPEC.max_clock_skew_ms or 0
    if -max_skew < age <= recv_window:
        return ok(f"{found}; {recv_window - age:.0f} ms are left of the default recvWindow, {recv_window} ms")
    return failed(
        f"{found}; the exchange rejects this machine's timestamps",
        expected=f"a timestamp at most {recv_window} ms (recvWindow) old, and less than {max_skew} ms in the future",
        to_do="synchronize this machine's clock (NTP); until then SDK clients sign again with the exchange's time after"
        " a rejection, or before the first call with connect(sync_clock=True)",
    )


def check_signature(context: DoctorContext) -> CheckResult:
    """Sign a sample, and show only the type and length of the signature."""
    signature = unquote_to_bytes(context.credentials.key.sign(b"timestamp=0"))
    return ok(f"{_SIGNATURES[context.key_type]}, {len(signature)} characters")


def check_balance(context: DoctorContext) -> CheckResult:
    """Request the balances in a single attempt."""
    try:
        rows = futures_account_balance.sync(client=context.client)
    except BinanceError as error:
        if isinstance(error, TimestampError):
            error.clock_offset_ms = context.offset_ms
        expected = f"the balances, for a request signed with {context.key_type}"
        return failed(message(error), expected=expected, to_do=hint(error))
    return ok(f"HTTP 200, the balances of {len(rows)} assets")


def check_used_weight(context: DoctorContext) -> CheckResult:
    """Show the used weight that the last response reported, if any did."""
    used = context.client.used_weight
    return ok("not reported by any response" if used is None else f"{used} in this minute, for this IP address")


CHECKS = (
    Check("credentials", check_credentials),
    Check("key type", check_key, ("credentials",)),
    Check("server", check_server),
    Check("DNS", check_dns, ("server",)),
    Check("connection", check_connection, ("DNS",)),
    Check("clock", check_clock, ("connection",)),
    Check("signature", check_signature, ("credentials",)),
    Check("balance", check_balance, ("connection", "signature")),
    Check("used weight", check_used_weight, ("connection",)),
)


def run_doctor(target: Target) -> ExitCode:
    """Run all checks, and show each result as soon as it is known."""
    console, results = stdout_console(), dict[str, CheckResult]()
    with ExitStack() as stack:
        context = DoctorContext(target, stack)
        for check in CHECKS:
            with spinner(console, check.title):
                results[check.title] = run_check(check, context, results)
            _print_result(check.title, results[check.title], console)
    failures = ", ".join(title for title, result in results.items() if result.status.exit_code)
    console.print()
    console.print(Text(f"failed: {failures}", "bold red") if failures else Text("all checks passed", "green"))
    return max(result.status.exit_code for result in results.values())


def run_check(check: Check, context: DoctorContext, results: Mapping[str, CheckResult]) -> CheckResult:
    """Run a check, or skip it if one that it needs did not pass."""
    missing = [title for title in check.needs if results[title].status is not Status.OK]
    return CheckResult(Status.SKIPPED, f"requires {', '.join(missing)}") if missing else check.run(context)


def _print_result(title: str, result: CheckResult, console: Console) -> None:
    text = Text.assemble((title, "bold"), f": {escape_control_chars(result.found)}")
    for label, line in (("expected", result.expected), ("to do", result.to_do)):
        if line:
            text.append(f"\n{label}: {escape_control_chars(line)}")
    print_wrapped(console, text, Text(result.status.label.ljust(_INDENT), result.status.style))


def _connect(endpoint: Endpoint, scheme: str, timeout: float) -> str:
    """Connect, verify the certificate, and describe the connection; raises OSError, including ssl.SSLError."""
    start = time.monotonic()
    with socket.create_connection((endpoint.host, endpoint.port), timeout) as connection:
        address = f"{connection.getpeername()[0]}, port {endpoint.port}, in {_ms_since(start):.1f} ms"
        if endpoint.is_proxy:
            return f"{endpoint} at {address}; the next checks verify TLS with the server behind it"
        if scheme == "http":
            return f"{endpoint} at {address}; no TLS: http, within this machine"
        start = time.monotonic()
        context = load_tls_settings(verify=True, trust_env=True).context
        with context.wrap_socket(connection, server_hostname=endpoint.host) as tls:
            handshake = f"{tls.version()} in {_ms_since(start):.1f} ms"
            certificate: dict[str, Any] = tls.getpeercert() or {}
    issuer = dict(pair for part in certificate["issuer"] for pair in part)
    names = (
        ", ".join(issuer[kind] for kind in ("commonName", "organizationName") if kind in issuer) or "an unnamed issuer"
    )
    expires = ssl.cert_time_to_seconds(certificate["notAfter"])
    days = int((expires - time.time()) // SECONDS_PER_DAY)
    until = f"{format_timestamp(int(expires * 1000))} ({days} days)"
    return f"{endpoint} at {address}; {handshake}; certificate by {names}, until {until}"


def _ms_since(start: float) -> float:
    return (time.monotonic() - start) * 1000


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError | WaitTimeoutError):
        return "timed out"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
