"""`connect`: where its settings come from, and what it refuses."""

import asyncio
import ssl
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from authority import Authority
from binance_coinm import AuthenticatedClient
from binance_coinm.api.account import futures_account_balance
from binance_coinm.errors import ConfigurationError, NetworkError
from binance_sandbox import Sandbox
from binance_signing import Credentials, HmacKey, Server, Signer, SigningClient, connect
from calls import Balance
from samples import API_KEY, SECRET


def some_credentials() -> Credentials:
    """Give credentials that are well formed."""
    return Credentials(API_KEY, HmacKey(SECRET))


def an_environment(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    """Set credentials and more in the environment."""
    for variable, value in ({"BINANCE_API_KEY": API_KEY, "BINANCE_API_SECRET": SECRET} | variables).items():
        monkeypatch.setenv(variable, value)


def test_everything_from_the_environment(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, balance: Balance) -> None:
    """Without arguments, credentials and server are those of the environment."""
    account = sandbox.add_account(API_KEY, SECRET)
    an_environment(monkeypatch, BINANCE_SERVER=sandbox.url)

    assert balance(connect()).parsed
    assert account.api_key == sandbox.requests[0].headers["X-MBX-APIKEY"]


def test_arguments_go_before_the_environment(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, balance: Balance
) -> None:
    """What is given is taken, whatever the environment says."""
    an_environment(monkeypatch, BINANCE_SERVER="production")

    balance(connect(sandbox.credentials, server=sandbox.url))

    assert sandbox.account.api_key == sandbox.requests[0].headers["X-MBX-APIKEY"]


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("production", "https://dapi.binance.com"),
        ("demo", "https://demo-dapi.binance.com"),
        ("Testnet", "https://testnet.binancefuture.com"),
        ("https://gateway.example/binance", "https://gateway.example/binance"),
    ],
)
def test_servers_of_the_environment(monkeypatch: pytest.MonkeyPatch, name: str, url: str) -> None:
    """BINANCE_SERVER names a server or is a URL."""
    an_environment(monkeypatch, BINANCE_SERVER=name)

    assert url == connect().base_url


def test_production_is_the_default() -> None:
    """Where nothing names a server, it is production."""
    assert "https://dapi.binance.com" == connect(some_credentials()).base_url == Server.PRODUCTION


@pytest.mark.parametrize("missing", ["BINANCE_API_KEY", "BINANCE_API_SECRET"])
@pytest.mark.parametrize("value", [None, ""])
def test_missing_credentials(monkeypatch: pytest.MonkeyPatch, missing: str, value: str | None) -> None:
    """Credentials that are neither given nor in the environment are an error that names both ways."""
    an_environment(monkeypatch)
    if value is None:
        monkeypatch.delenv(missing)
    else:
        monkeypatch.setenv(missing, value)

    with pytest.raises(
        ConfigurationError, match=rf"{missing} is .*BINANCE_API_KEY and BINANCE_API_SECRET.*Credentials\("
    ):
        connect()


@pytest.mark.parametrize("server", ["prod", "", "dapi.binance.com"])
def test_unknown_server_in_the_environment(monkeypatch: pytest.MonkeyPatch, server: str) -> None:
    """A name that is no server's is an error that names them all."""
    an_environment(monkeypatch, BINANCE_SERVER=server)

    with pytest.raises(
        ConfigurationError, match=r"BINANCE_SERVER is '.*'; expected production, demo, testnet or a URL"
    ):
        connect()


@pytest.mark.parametrize(
    ("server", "wrong"),
    [
        ("http://dapi.binance.com", "unencrypted"),
        ("http://192.0.2.1", "unencrypted"),
        ("http://127.0.0.1.example", "unencrypted"),
        ("http://localhost.example", "unencrypted"),
        ("ftp://dapi.binance.com", "no http or https URL"),
        ("dapi.binance.com", "no http or https URL"),
        ("demo", "no http or https URL"),
        ("", "no http or https URL"),
        ("https://", "no http or https URL"),
        ("https://user:pass@dapi.binance.com", "more than scheme, host, port and path"),
        ("https://dapi.binance.com?a=1", "more than scheme, host, port and path"),
        ("https://dapi.binance.com#a", "more than scheme, host, port and path"),
        ("https://dapi.binance.com:port", "no URL"),
        (7, "no URL"),
    ],
)
def test_servers_that_are_refused(server: str, wrong: str) -> None:
    """A server that credentials must not go to is an error of `connect` and `Signer` that tells both ways."""
    for refused in (lambda: connect(some_credentials(), server=server), lambda: Signer(some_credentials(), server)):
        with pytest.raises(ConfigurationError, match=rf"{wrong}.*as argument.*BINANCE_SERVER") as caught:
            refused()
        assert "pass" not in str(caught.value)


@pytest.mark.parametrize(
    "server", ["http://127.0.0.1:8080", "http://127.8.9.10", "http://localhost", "http://[::1]:8080"]
)
def test_loopback_may_be_http(server: str) -> None:
    """To this machine credentials may go unencrypted."""
    assert server == connect(some_credentials(), server=server).base_url


@pytest.mark.parametrize(
    "secret", ["", " ", f"{SECRET} ", f"{SECRET}\n", "sécret", "\x00", b"bytes", None, "-----BEGIN PRIVATE KEY-----\n"]
)
def test_malformed_secrets(secret: str) -> None:
    """What cannot be a secret is refused when the key is made, and not shown."""
    with pytest.raises(ConfigurationError, match=r"^secret (is|has) .*give it as argument or in BINANCE_API_SECRET$"):
        HmacKey(secret)


@pytest.mark.parametrize("api_key", ["", f"{API_KEY}\r\n", "kéy", 7, None])
def test_malformed_api_keys(api_key: str) -> None:
    """What cannot stand in a header is refused when the credentials are made, and not shown."""
    with pytest.raises(ConfigurationError, match=r"^api_key (is|has) .*give it as argument or in BINANCE_API_KEY$"):
        Credentials(api_key, HmacKey(SECRET))


def test_secret_in_place_of_a_key() -> None:
    """A secret that is not made a key is refused with the ways to make one, and not shown."""
    with pytest.raises(ConfigurationError, match=r"key is str; expected HmacKey\(secret\)"):
        Credentials(API_KEY, SECRET)  # type: ignore[arg-type]  # that it is wrong is what is tested


def test_something_in_place_of_credentials() -> None:
    """What is no credentials is refused, and not shown."""
    with pytest.raises(ConfigurationError, match=r"expected Credentials\(api_key, key\), got tuple"):
        connect((API_KEY, SECRET))  # type: ignore[arg-type]  # that it is wrong is what is tested


@pytest.mark.parametrize("timeout", [0, -1, float("inf"), float("nan"), None, "10", True])
def test_timeout_has_to_be_finite(timeout: float) -> None:
    """No call may wait for ever."""
    with pytest.raises(ConfigurationError, match="timeout: expected a positive number of seconds"):
        connect(some_credentials(), timeout=timeout)


def test_default_timeout_is_finite() -> None:
    """A client that is told nothing waits ten seconds, and so does one made without `connect`."""
    assert 10 == connect(some_credentials()).timeout == AuthenticatedClient("https://exchange.example").timeout
    assert httpx.Timeout(10) == connect(some_credentials()).get_httpx_client().timeout


def test_redirects_are_not_followed() -> None:
    """Neither side of a client follows redirects by itself."""
    client = connect(some_credentials())

    assert not client.get_httpx_client().follow_redirects
    assert not client.get_async_httpx_client().follow_redirects


def test_transport_of_ones_own(balance: Balance) -> None:
    """A transport that is given takes the place of the network."""
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=[]))

    assert [] == balance(connect(some_credentials(), transport=transport)).parsed


def test_transport_of_one_side_alone() -> None:
    """A transport that serves one side is refused by the other, before anything is sent."""
    client = connect(some_credentials(), transport=httpx.HTTPTransport())

    with pytest.raises(ConfigurationError, match="HTTPTransport is no httpx.AsyncBaseTransport, which an async call"):
        client.get_async_httpx_client()


def test_certificates_are_read_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Clients of one process that trust the same certificates share what was made of them, which takes a while."""
    read: list[object] = []
    create_default_context = ssl.create_default_context

    def counting(*arguments: Any, **settings: Any) -> ssl.SSLContext:
        read.append(settings)
        return create_default_context(*arguments, **settings)

    monkeypatch.setattr(ssl, "create_default_context", counting)
    (tmp_path / "authority.pem").write_bytes(Authority().certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))

    for _ in range(3):
        connect(some_credentials())
    connect(some_credentials(), verify=create_default_context())

    assert 1 == len(read)


def test_proxies_of_the_environment_are_not_for_this_machine(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, balance: Balance
) -> None:
    """What goes to this machine unencrypted goes through no proxy that the environment names."""
    with Sandbox() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)

        balance(connect(sandbox.credentials, server=sandbox.url))

        assert [] == proxy.requests
    assert 1 == len(sandbox.requests)


@pytest.mark.parametrize(
    "proxy",
    [
        lambda url: url.replace("//", "//user:p%40ss@"),
        lambda url: httpx.URL(url).copy_with(username="user", password="p@ss"),
        lambda url: httpx.Proxy(url, auth=("user", "p@ss")),
    ],
    ids=["text", "URL", "Proxy"],
)
def test_proxy_of_ones_own(balance: Balance, proxy: Callable[[str], str | httpx.URL | httpx.Proxy]) -> None:
    """A proxy that is given is asked for the way to the server, with its own credentials and none of the account."""
    with Sandbox() as other:
        client = connect(some_credentials(), server="https://127.0.0.1:1", proxy=proxy(other.url), recovery=None)
        with pytest.raises(NetworkError) as caught:
            balance(client)

    [request] = other.requests
    assert ("CONNECT", "127.0.0.1:1", b"") == (request.method, request.path, request.query)
    assert "Basic dXNlcjpwQHNz" == request.headers["Proxy-Authorization"]
    assert "X-MBX-APIKEY" not in request.headers
    assert "failed" == caught.value.outcome


@pytest.mark.parametrize(
    "proxy",
    ["junk", "", "ftp://127.0.0.1", "http://", "http://[::1", "http://user:p@ss@", "http://127.0.0.1:port", 7, []],
)
def test_proxies_that_are_refused(proxy: Any) -> None:
    """What is no proxy is refused when a client is made, and not shown, for it may hold a password."""
    with pytest.raises(ConfigurationError) as caught:
        connect(some_credentials(), proxy=proxy)

    told = "proxy: expected a URL such as http://user:password@host:3128, or an httpx.Proxy"
    assert told == str(caught.value)
    assert caught.value.__cause__ is None


def test_headers_for_a_proxy(balance: Balance) -> None:
    """A proxy gets the headers that are given for it."""
    with Sandbox() as other:
        proxy = httpx.Proxy(other.url, headers={"X-Gateway": "word"})
        with pytest.raises(NetworkError):
            balance(connect(some_credentials(), server="https://127.0.0.1:1", proxy=proxy, recovery=None))

    assert "word" == other.requests[0].headers["X-Gateway"]


def test_proxy_of_another_kind(balance: Balance) -> None:
    """A proxy of http that is given as one of SOCKS is a failure of the connection."""
    with Sandbox() as other:
        proxy = other.url.replace("http://", "socks5://")
        with pytest.raises(NetworkError) as caught:
            balance(connect(some_credentials(), server="https://127.0.0.1:1", proxy=proxy, recovery=None))

    assert "failed" == caught.value.outcome
    assert [] == other.requests


@pytest.mark.parametrize(("trust_env", "asked"), [(True, 1), (False, 0)])
def test_proxies_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, balance: Balance, asked: int, *, trust_env: bool
) -> None:
    """A proxy of the environment is asked for the way over https, unless the environment is not to be trusted."""
    with Sandbox() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)

        with pytest.raises(NetworkError):
            balance(connect(some_credentials(), server="https://127.0.0.1:1", trust_env=trust_env, recovery=None))

        assert asked == len(proxy.requests)


@pytest.mark.parametrize("way", ["argument", "environment"])
def test_user_of_a_proxy(monkeypatch: pytest.MonkeyPatch, balance: Balance, way: str) -> None:
    """A proxy gets its user and password, and no error of a call shows them."""
    with Sandbox() as proxy:
        url = proxy.url.replace("//", "//user:hunter%402@")
        monkeypatch.setenv("HTTPS_PROXY", url if way == "environment" else "http://127.0.0.1:1")
        settings: dict[str, Any] = {"proxy": url} if way == "argument" else {}

        with pytest.raises(NetworkError) as caught:
            balance(connect(some_credentials(), server="https://127.0.0.1:1", recovery=None, **settings))

    assert "Basic " + b64encode(b"user:hunter@2").decode() == proxy.requests[0].headers["Proxy-Authorization"]
    assert "failed" == caught.value.outcome
    assert "hunter" not in f"{caught.value} {caught.value!r} {vars(caught.value)}"


@pytest.mark.parametrize(
    ("no_proxy", "server", "asked"),
    [
        ("127.0.0.1", "https://127.0.0.1:1", 0),
        ("*", "https://127.0.0.1:1", 0),
        ("exchange.example,127.0.0.1", "https://127.0.0.1:1", 0),
        ("exchange.example, 127.0.0.1", "https://127.0.0.1:1", 0),
        ("127.0.0.1:1", "https://127.0.0.1:1", 0),
        ("127.0.0.1:2", "https://127.0.0.1:1", 1),
        ("localhost,[::1]", "https://localhost:1", 0),
        ("localhost,[::1]", "https://[::1]:1", 0),
        ("localhost,::1", "https://[::1]:1", 0),
        ("localhost,[::1]", "https://127.0.0.1:1", 1),
        ("", "https://127.0.0.1:1", 1),
    ],
)
def test_servers_without_a_proxy(
    monkeypatch: pytest.MonkeyPatch, balance: Balance, no_proxy: str, server: str, asked: int
) -> None:
    """What NO_PROXY names, and nothing else, does not go through the proxy of the environment."""
    with Sandbox() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", no_proxy)

        with pytest.raises(NetworkError):
            balance(connect(some_credentials(), server=server, recovery=None))

    assert asked == len(proxy.requests)


@pytest.mark.parametrize(
    "variables",
    [
        {"ALL_PROXY": "proxy"},
        {"https_proxy": "proxy"},
        {"HTTPS_PROXY": "proxy", "ALL_PROXY": "gopher://127.0.0.1"},
        {"HTTPS_PROXY": "", "ALL_PROXY": "proxy"},
        {"HTTPS_PROXY": "gopher://127.0.0.1", "https_proxy": "proxy"},
    ],
    ids=["all", "lower case", "https before all", "empty", "lower before upper case"],
)
@pytest.mark.parametrize("scheme", ["http://", ""])
def test_variables_that_name_a_proxy(
    monkeypatch: pytest.MonkeyPatch, balance: Balance, variables: dict[str, str], scheme: str
) -> None:
    """The most specific variable names the proxy, with its scheme or without; what would not be used is not read."""
    with Sandbox() as proxy:
        for name, value in variables.items():
            monkeypatch.setenv(name, proxy.url.replace("http://", scheme) if value == "proxy" else value)

        with pytest.raises(NetworkError):
            balance(connect(some_credentials(), server="https://127.0.0.1:1", recovery=None))

    assert ["CONNECT"] == [request.method for request in proxy.requests]


@pytest.mark.parametrize("side", ["sync", "async"])
def test_clients_are_of_their_proxy(monkeypatch: pytest.MonkeyPatch, side: str) -> None:
    """A client goes through the proxy that the environment names when it is made, whatever an older one does."""

    def call(client: SigningClient, runner: asyncio.Runner) -> None:
        if side == "sync":
            futures_account_balance.sync(client=client)
        else:
            runner.run(futures_account_balance.asyncio(client=client))

    with Sandbox() as first_proxy, Sandbox() as second_proxy, asyncio.Runner() as runner:
        clients: list[SigningClient] = []
        for proxy in (first_proxy, second_proxy):
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            clients.append(connect(some_credentials(), server="https://127.0.0.1:1", recovery=None))
            with pytest.raises(NetworkError):
                call(clients[-1], runner)
        for client in clients:
            runner.run(client.aclose())

        assert (1, 1) == (len(first_proxy.requests), len(second_proxy.requests))


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("SSL_CERT_FILE", "/missing.pem", "certificates (SSL_CERT_FILE, SSL_CERT_DIR): "),
        ("SSL_CERT_FILE", __file__, "certificates (SSL_CERT_FILE, SSL_CERT_DIR): "),
        ("HTTPS_PROXY", "gopher://127.0.0.1", "proxy (HTTPS_PROXY, ALL_PROXY) is no URL of a proxy"),
        ("ALL_PROXY", "http://", "proxy (HTTPS_PROXY, ALL_PROXY) is no URL of a proxy"),
        ("HTTPS_PROXY", "http://user:pass/word@127.0.0.1", "proxy (HTTPS_PROXY, ALL_PROXY) is no URL of a proxy"),
    ],
    ids=["no certificates", "no certificate in it", "no such scheme", "no host", "no port"],
)
def test_environment_that_cannot_be_taken(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, message: str
) -> None:
    """Certificates and proxies that are none are told when a client is made, and a password is not shown."""
    monkeypatch.setenv(variable, value)

    with pytest.raises(ConfigurationError) as caught:
        connect(some_credentials(), server="https://127.0.0.1:1")

    assert str(caught.value).startswith(f"the environment's {message}")
    assert "word" not in str(caught.value)
    assert caught.value.__cause__ is None
    # What is wrong with a proxy's URL shows it.
    assert variable == "SSL_CERT_FILE" or caught.value.__context__ is None


@pytest.mark.parametrize(
    "settings",
    [
        {"server": "http://127.0.0.1:1"},
        {"server": Server.DEMO, "trust_env": False},
        {"server": Server.DEMO, "proxy": "http://127.0.0.1:1", "verify": ssl.create_default_context()},
        {"server": Server.DEMO, "transport": httpx.MockTransport(lambda _: httpx.Response(200, json=[]))},
    ],
    ids=["this machine", "environment not trusted", "arguments", "transport"],
)
def test_environment_that_is_not_used(monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]) -> None:
    """Certificates and proxies of the environment that a client has no use for may be wrong."""
    monkeypatch.setenv("SSL_CERT_FILE", "/missing.pem")
    monkeypatch.setenv("HTTPS_PROXY", "gopher://127.0.0.1")

    assert settings["server"] == connect(some_credentials(), **settings).base_url


def test_texts_show_no_secret() -> None:
    """Neither repr nor str of client, credentials, key or signer shows a key or secret."""
    credentials = some_credentials()
    client = connect(credentials)
    shown = [client, credentials, credentials.key, Signer(credentials, Server.DEMO)]

    for text in [repr(thing) for thing in shown] + [str(thing) for thing in shown]:
        assert SECRET not in text
        assert API_KEY not in text
    assert [
        "SigningClient('https://dapi.binance.com')",
        "Credentials(hidden)",
        "HmacKey(hidden)",
        "Signer('https://demo-dapi.binance.com')",
    ] == list(map(repr, shown))
