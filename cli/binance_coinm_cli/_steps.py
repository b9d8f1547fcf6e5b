"""The way of a call, step by step: each says what it found, and leaves what later ones need."""

import os
import ssl
import time
from urllib.parse import unquote_to_bytes

import httpx
from attrs import define
from binance_coinm.api.account import futures_account_balance
from binance_coinm.api.market import server_time
from binance_coinm.errors import BinanceError, ConfigurationError, TimestampError
from binance_coinm.facts import DEFAULT_RECV_WINDOW, TOO_FAR_AHEAD
from binance_signing import Credentials, Ed25519Key, HmacKey, RsaKey, Server, SigningClient, connect

from ._advice import what_to_do, words
from ._finding import Finding, Step, failed, misconfigured, well
from ._peer import Connected, Peer, addresses, connected, peer_of
from ._target import Target, name_of
from ._text import masked, moment

_SANDBOX = "binance-coinm doctor --sandbox goes the way without an account"
# With these nothing is signed; they let steps be made that need no credentials.
_STAND_IN = Credentials("none", HmacKey("none"))


@define
class Way:
    """What is known on the way of a call so far."""

    target: Target
    server_from: str
    credentials: Credentials = _STAND_IN
    client: SigningClient | None = None
    offset_ms: int | None = None

    def close(self) -> None:
        """Close the client's connections."""
        if self.client:
            self.client.close()

    @property
    def caller(self) -> SigningClient:
        """The client, in one try for each call; there is one since the step `server`."""
        assert self.client, "a step that needs the server does not say so"  # noqa: S101, a mistake in STEPS
        return self.client.with_options(recovery=None)

    @property
    def url(self) -> httpx.URL:
        """The server's URL."""
        return httpx.URL(self.caller.base_url)

    @property
    def peer(self) -> Peer:
        """Whom connections are made to."""
        return peer_of(self.url)

    @property
    def kind(self) -> str:
        """The kind of the key."""
        kinds = {HmacKey: "HMAC", Ed25519Key: "Ed25519", RsaKey: "RSA"}
        return next(name for kind, name in kinds.items() if isinstance(self.credentials.key, kind))


def credentials(way: Way) -> Finding:
    """Take the credentials of the sandbox, or of the environment."""
    try:
        # A client of the default server, which calls nobody: only its credentials can be wrong.
        way.credentials = way.target.credentials or connect(server=Server.PRODUCTION, trust_env=False).credentials
    except ConfigurationError as error:
        expected = "an API key, and its secret or private key, in the environment"
        return misconfigured(str(error), expected=expected, to_do=f"set what is missing or wrong; {_SANDBOX}")
    api_key = masked(way.credentials.api_key)
    if way.target.is_sandbox:
        return well(f"made up by the sandbox, API key {api_key}")
    is_file = os.environ.get("BINANCE_PRIVATE_KEY_FILE")
    return well(f"BINANCE_API_KEY ({api_key}) and {'BINANCE_PRIVATE_KEY_FILE' if is_file else 'BINANCE_API_SECRET'}")


def key(way: Way) -> Finding:
    """Tell the kind of the key, which has to be the one that is registered with the API key."""
    return well(f"{way.kind}, {'a secret' if way.kind == 'HMAC' else 'a private key'}")


def server(way: Way) -> Finding:
    """Take the server, and make a client of it."""
    try:
        way.client = way.target.client(way.credentials)
    except ConfigurationError as error:
        expected = "a server's name or a URL of https, and settings of certificates and proxies that can be used"
        return misconfigured(str(error), expected=expected, to_do="correct what is named there")
    origin = "the sandbox" if way.target.is_sandbox else way.server_from
    return well(f"{name_of(way.client.base_url)} ({origin})")


def name(way: Way) -> Finding:
    """Ask for the addresses of the server's name, or of the proxy's, which asks for the server's itself."""
    peer = way.peer
    try:
        found = addresses(peer)
    except (OSError, UnicodeError) as error:
        return failed(
            f"{_who(peer)}: {_reason(error)}",
            expected="an address",
            to_do="check the spelling of the server, the network, and this machine's name servers",
        )
    return well(f"{_who(peer)} is {'an address' if found == [peer.host] else ', '.join(found)}")


def connection(way: Way) -> Finding:
    """Connect, and look at the server's certificate as a client does."""
    peer = way.peer
    try:
        return well(_described(peer, connected(peer, way.url.scheme, way.target.timeout)))
    except ssl.SSLCertVerificationError as error:
        return failed(
            f"{_who(peer)} shows a certificate that is refused: {error.verify_message}",
            expected="a valid certificate of this host, by an authority that this machine trusts (SSL_CERT_FILE)",
            to_do="check this machine's clock, and whether a proxy or a virus scanner on the way opens the encryption",
        )
    except ssl.SSLError as error:
        return failed(
            f"{_who(peer)} does not speak TLS: {_reason(error)}",
            expected="TLS",
            to_do="check scheme and port of the server, and what is on the way",
        )
    except OSError as error:
        return failed(
            f"{_who(peer)}, port {peer.port}: {_reason(error)}",
            expected=f"a connection within {way.target.timeout:g} s",
            to_do="check the network, firewalls and proxies (HTTPS_PROXY), and the server's port",
        )


def exchange_time(way: Way) -> Finding:
    """Ask the exchange for its time, by a connection that is there already, and compare it with this machine's."""
    try:
        server_time.sync(client=way.caller)
        before, begun = time.time(), time.monotonic()
        told = server_time.sync(client=way.caller).server_time
        trip = (time.monotonic() - begun) * 1000
    except BinanceError as error:
        return failed(words(error), expected="the exchange's time", to_do=what_to_do(error))
    # The exchange told it halfway, and cut off what is less than a millisecond.
    offset = told + 0.5 - (before * 1000 + trip / 2)
    way.offset_ms = round(offset)
    late = offset + trip / 2
    found = f"round trip {trip:.1f} ms; the exchange's clock is {abs(offset):.0f} ms {_side(offset)} this machine's"
    if -TOO_FAR_AHEAD < late <= DEFAULT_RECV_WINDOW:
        spare = DEFAULT_RECV_WINDOW - late
        return well(f"{found}; recvWindow, {DEFAULT_RECV_WINDOW} ms unless it is set, leaves a request {spare:.0f} ms")
    return failed(
        f"{found}; it refuses what this machine signs",
        expected=f"a request that is at most {DEFAULT_RECV_WINDOW} ms (recvWindow) old, and less than {TOO_FAR_AHEAD}"
        " ms early",
        to_do="set this machine's clock (NTP); until then a client of the SDK signs anew by the exchange's time, after"
        " a refusal, or before its first call with connect(sync_clock=True)",
    )


def signature(way: Way) -> Finding:
    """Sign something, and tell of the signature what shows nothing."""
    signed = unquote_to_bytes(way.credentials.key.sign(b"timestamp=0"))
    return well(f"{_SIGNATURES[way.kind]}, {len(signed)} characters")


def answer(way: Way) -> Finding:
    """Call, as a client would whose recovery is off."""
    try:
        rows = futures_account_balance.sync(client=way.caller)
    except BinanceError as error:
        if isinstance(error, TimestampError):
            error.clock_offset_ms = way.offset_ms
        expected = f"the balances, for a request that is signed by {way.kind}"
        return failed(words(error), expected=expected, to_do=what_to_do(error))
    return well(f"HTTP 200, the balances of {len(rows)} assets")


def used_weight(way: Way) -> Finding:
    """Tell what the exchange counted, as far as any answer told it."""
    used = way.caller.used_weight
    return well("no answer told it" if used is None else f"{used} within this minute, for this IP address")


STEPS = (
    Step("credentials", credentials),
    Step("key type", key, ("credentials",)),
    Step("server", server),
    Step("name resolution", name, ("server",)),
    Step("connection", connection, ("name resolution",)),
    Step("time", exchange_time, ("connection",)),
    Step("signature", signature, ("credentials",)),
    Step("answer", answer, ("connection", "signature")),
    Step("used weight", used_weight, ("connection",)),
)
_SIGNATURES = {
    "HMAC": "HMAC-SHA256 in hexadecimal",
    "Ed25519": "Ed25519 in base64",
    "RSA": "RSA with SHA-256 in base64",
}


def _who(peer: Peer) -> str:
    return f"the proxy {peer.host}" if peer.is_proxy else peer.host


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _described(peer: Peer, made: Connected) -> str:
    to = f"{_who(peer)} at {made.address}, port {peer.port}, in {made.seconds * 1000:.1f} ms"
    if made.tls:
        tls = made.tls
        return (
            f"{to}; {tls.version} in {tls.seconds * 1000:.1f} ms; certificate by {tls.issuer}, until"
            f" {moment(int(tls.expires * 1000))} ({tls.days_left} days)"
        )
    if peer.is_proxy:
        return f"{to}; TLS is made with the server behind it, and verified, by the next steps"
    return f"{to}; no TLS: http, within this machine"


def _side(offset: float) -> str:
    return "ahead of" if offset >= 0 else "behind"
