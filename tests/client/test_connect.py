"""`connect`: where its settings come from, and which are errors."""

import asyncio
import gzip
import ssl
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from binance_client.base_client import AuthenticatedClient
from binance_client.connections import proxies as proxies_module
from binance_coinm import Client, Credentials, HmacKey, Server, connect
from binance_coinm.api.account import futures_account_balance
from binance_coinm.errors import ConfigurationError, NetworkError
from binance_sandbox import Sandbox
from binance_signing import Signer
from support.call_helpers import Balance
from support.certificates import Authority
from support.constants import API_KEY, SECRET
from support.httpx_distribution import with_httpx_alone


def some_credentials() -> Credentials:
    """Return well-formed credentials."""
    return Credentials(API_KEY, HmacKey(SECRET))


def an_environment(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    """Set credentials and other variables in the environment."""
    for variable, value in ({"BINANCE_API_KEY": API_KEY, "BINANCE_API_SECRET": SECRET} | variables).items():
        monkeypatch.setenv(variable, value)


def test_everything_from_the_environment(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, balance: Balance) -> None:
    """Without arguments, credentials and server come from the environment."""
    account = sandbox.add_account(API_KEY, SECRET)
    an_environment(monkeypatch, BINANCE_SERVER=sandbox.url)

    assert balance(connect()).parsed
    assert account.api_key == sandbox.received_requests[0].headers["X-MBX-APIKEY"]


def test_arguments_take_precedence(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, balance: Balance) -> None:
    """Arguments take precedence over the environment."""
    an_environment(monkeypatch, BINANCE_SERVER="production")

    balance(connect(sandbox.credentials, server=sandbox.url))

    assert sandbox.account.api_key == sandbox.received_requests[0].headers["X-MBX-APIKEY"]


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
    """Without argument and variable, the server is production."""
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


@pytest.mark.parametrize("server", ["prod", " ", "dapi.binance.com"])
def test_unknown_server_in_the_environment(monkeypatch: pytest.MonkeyPatch, server: str) -> None:
    """An unknown name of a server is an error that lists the known ones."""
    an_environment(monkeypatch, BINANCE_SERVER=server)

    with pytest.raises(
        ConfigurationError, match=r"BINANCE_SERVER is '.*'; expected production, demo, testnet or a URL"
    ):
        connect()


@pytest.mark.parametrize("prefix", ["/dapi", "/dapi/", "/dapi/v1", "/gateway/dapi"])
def test_server_with_the_path_of_operations(monkeypatch: pytest.MonkeyPatch, prefix: str) -> None:
    """A URL that ends as the paths of operations begin is an error that says what to write."""
    base = "https://dapi.binance.com/gateway" if "gateway" in prefix else "https://dapi.binance.com"
    url = f"https://dapi.binance.com{prefix}"
    an_environment(monkeypatch, BINANCE_SERVER=url)

    for server in (url, None):
        with pytest.raises(ConfigurationError, match=rf"^server is '{url}', but .* /dapi(/v1)?; write {base}$"):
            connect(some_credentials(), server=server)


@pytest.mark.parametrize("value", ["user:pass@dapi.binance.com", "https://user:pass@dapi.binance.com"])
def test_secret_in_the_variable_of_the_server(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """User and password in BINANCE_SERVER are rejected, and not shown."""
    an_environment(monkeypatch, BINANCE_SERVER=value)

    with pytest.raises(
        ConfigurationError, match=r"\[hidden\]@dapi.binance.com'.*BINANCE_SERVER|BINANCE_SERVER is "
    ) as caught:
        connect()

    assert "pass" not in str(caught.value)


def test_empty_variable_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty BINANCE_SERVER counts as unset."""
    an_environment(monkeypatch, BINANCE_SERVER="")

    assert Server.PRODUCTION == connect().base_url


UNENCRYPTED = "would send credentials unencrypted; http is for this machine only"
NO_URL = "is not an http or https URL"
TOO_MUCH = "has more than scheme, host, port and path; remove the rest"


@pytest.mark.parametrize(
    ("server", "shown", "problem"),
    [
        ("http://dapi.binance.com", "'http://dapi.binance.com'", UNENCRYPTED),
        ("http://192.0.2.1", "'http://192.0.2.1'", UNENCRYPTED),
        ("http://127.0.0.1.example", "'http://127.0.0.1.example'", UNENCRYPTED),
        ("http://localhost.example", "'http://localhost.example'", UNENCRYPTED),
        ("ftp://dapi.binance.com", "'ftp://dapi.binance.com'", NO_URL),
        ("dapi.binance.com", "'dapi.binance.com'", NO_URL),
        ("staging", "'staging'", NO_URL),
        ("", "''", NO_URL),
        ("https://", "'https://'", NO_URL),
        ("https://user:pass@dapi.binance.com", "'https://[hidden]@dapi.binance.com'", TOO_MUCH),
        ("https://user:p/ass@dapi.binance.com", "'https://[hidden]@dapi.binance.com'", NO_URL),
        ("https://user:pa\nss@dapi.binance.com", "'https://[hidden]@dapi.binance.com'", NO_URL),
        ("https://user:pass@", "'https://[hidden]@'", NO_URL),
        ("user:pass@dapi.binance.com", "'[hidden]@dapi.binance.com'", NO_URL),
        ("https://dapi.binance.com/?key=pass", "'https://dapi.binance.com/?[hidden]'", TOO_MUCH),
        ("https://dapi.binance.com/?key=\npass", "'https://dapi.binance.com/?[hidden]'", NO_URL),
        ("https://dapi.binance.com:65536", "'https://dapi.binance.com:65536'", NO_URL),
        pytest.param("https://xn--a-", "'https://xn--a-'", NO_URL, marks=with_httpx_alone),
        ("https://ä-.example", "'https://ä-.example'", NO_URL),
        ("https://dapi.binance.com?a=1", "'https://dapi.binance.com?[hidden]'", TOO_MUCH),
        ("https://dapi.binance.com#a", "'https://dapi.binance.com?[hidden]'", TOO_MUCH),
        ("https://dapi.binance.com:port", "'https://dapi.binance.com:port'", NO_URL),
        (7, "7", NO_URL),
    ],
)
def test_invalid_servers(server: Any, shown: str, problem: str) -> None:
    """A server that credentials must not be sent to is an error of `connect` and `Signer` that names both ways."""
    for invalid in (lambda: connect(some_credentials(), server=server), lambda: Signer(some_credentials(), server)):
        with pytest.raises(ConfigurationError) as caught:
            invalid()
        assert (
            f"server is {shown}, which {problem}; use a Server or a URL such as https://dapi.example,"
            " or set BINANCE_SERVER to a server's name or a URL"
        ) == str(caught.value)


@pytest.mark.parametrize("port", [1, 65_535])
def test_ports_at_a_limit(port: int) -> None:
    """The least and the greatest port are accepted."""
    server = f"https://exchange.example:{port}"

    assert server == connect(some_credentials(), server=server).base_url


@pytest.mark.parametrize(
    "server", ["http://127.0.0.1:8080", "http://127.8.9.10", "http://localhost", "http://[::1]:8080"]
)
def test_loopback_may_be_http(server: str) -> None:
    """Credentials may be sent unencrypted to this machine."""
    assert server == connect(some_credentials(), server=server).base_url


SPACE_AROUND = "contains whitespace at its beginning or end, such as a line break; remove it"
OTHER_CHARACTERS = "contains whitespace or other characters that a key never has; check how it was copied"
MALFORMED: list[tuple[Any, str]] = [
    ("", "is empty"),
    (" ", SPACE_AROUND),
    (f"{SECRET} ", SPACE_AROUND),
    (f"{SECRET}\r\n", SPACE_AROUND),
    (f"{SECRET[:9]} {SECRET[9:]}", OTHER_CHARACTERS),
    ("sécret", OTHER_CHARACTERS),
    ("\x00", OTHER_CHARACTERS),
    (b"bytes", "is bytes, not str"),
    (7, "is int, not str"),
    (None, "is NoneType, not str"),
    (
        "-----BEGIN PRIVATE KEY-----\n",
        "is a PEM; load it with Ed25519Key.from_pem or RsaKey.from_pem, or set BINANCE_PRIVATE_KEY_FILE",
    ),
    (
        "'-----BEGIN PRIVATE KEY-----'",
        "is a PEM; load it with Ed25519Key.from_pem or RsaKey.from_pem, or set BINANCE_PRIVATE_KEY_FILE",
    ),
]


@pytest.mark.parametrize(("secret", "problem"), MALFORMED)
def test_malformed_secrets(secret: Any, problem: str) -> None:
    """A malformed secret is an error when the key is created, and is not shown."""
    with pytest.raises(ConfigurationError) as caught:
        HmacKey(secret)

    assert f"secret {problem}; pass it as an argument or set BINANCE_API_SECRET" == str(caught.value)


@pytest.mark.parametrize(("api_key", "problem"), MALFORMED)
def test_malformed_api_keys(api_key: Any, problem: str) -> None:
    """An API key that cannot be sent in a header is an error when the credentials are created, and is not shown."""
    with pytest.raises(ConfigurationError) as caught:
        Credentials(api_key, HmacKey(SECRET))

    assert f"api_key {problem}; pass it as an argument or set BINANCE_API_KEY" == str(caught.value)


@pytest.mark.parametrize(("key", "kind"), [(SECRET, "str"), (None, "NoneType"), (HmacKey, "type")])
def test_other_values_instead_of_a_key(key: Any, kind: str) -> None:
    """A secret, or a class, in the place of a key is an error that names the ways to create one, and is not shown."""
    with pytest.raises(ConfigurationError) as caught:
        Credentials(API_KEY, key)

    assert (f"key is {kind}; expected HmacKey(secret), Ed25519Key.from_pem(pem) or RsaKey.from_pem(pem)") == str(
        caught.value
    )


def test_tuple_instead_of_credentials() -> None:
    """A value that is not credentials is an error, and is not shown."""
    with pytest.raises(ConfigurationError, match=r"^credentials: expected Credentials\(api_key, key\), got tuple$"):
        connect((API_KEY, SECRET))  # type: ignore[arg-type]  # that it is wrong is what is tested


@pytest.mark.parametrize("credentials", ["", (), False, 0])
def test_empty_values_instead_of_credentials(monkeypatch: pytest.MonkeyPatch, credentials: Any) -> None:
    """A value that is empty is not the same as None: the environment's account is not used in its place."""
    an_environment(monkeypatch)

    with pytest.raises(ConfigurationError) as caught:
        connect(credentials)

    assert f"credentials: expected Credentials(api_key, key), got {type(credentials).__name__}" == str(caught.value)


@pytest.mark.parametrize("timeout", [0, -1, float("inf"), float("nan"), None, "10", True])
def test_timeout_must_be_finite(timeout: float) -> None:
    """No call may wait forever."""
    with pytest.raises(ConfigurationError, match="timeout: expected a positive number of seconds"):
        connect(some_credentials(), timeout=timeout)


def test_default_timeout_is_finite() -> None:
    """The default timeout is ten seconds, also for clients created without `connect`."""
    assert 10 == connect(some_credentials()).timeout == AuthenticatedClient("https://exchange.example").timeout
    assert httpx.Timeout(10) == connect(some_credentials()).get_httpx_client().timeout


def test_redirects_are_not_followed() -> None:
    """Neither httpx client follows redirects by default."""
    client = connect(some_credentials())

    assert not client.get_httpx_client().follow_redirects
    assert not client.get_async_httpx_client().follow_redirects


def test_custom_transport(balance: Balance) -> None:
    """A custom transport replaces the network."""
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=[]))

    assert [] == balance(connect(some_credentials(), transport=transport)).parsed


def test_decoded_response_of_a_custom_transport(balance: Balance) -> None:
    """A response that a mock transport returns as a whole is decoded already, whatever its headers say."""
    response = httpx.Response(200, headers={"Content-Encoding": "gzip"}, content=gzip.compress(b"[]"))
    transport = httpx.MockTransport(lambda _: response)

    assert [] == balance(connect(some_credentials(), transport=transport)).parsed


def test_transport_of_one_side_alone() -> None:
    """An async call over a sync transport is an error before anything is sent."""
    client = connect(some_credentials(), transport=httpx.HTTPTransport())

    with pytest.raises(
        ConfigurationError,
        match=r"^transport: HTTPTransport is not an httpx\.AsyncBaseTransport, which an async call needs$",
    ):
        client.get_async_httpx_client()


def test_certificates_are_read_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Clients of a process that trust the same certificates share what takes long to build from them."""
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
    """Unencrypted requests to this machine go through no proxy of the environment."""
    with Sandbox() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)

        balance(connect(sandbox.credentials, server=sandbox.url))

        assert [] == proxy.received_requests
    assert 1 == len(sandbox.received_requests)


@pytest.mark.parametrize(
    "proxy",
    [
        lambda url: url.replace("//", "//user:p%40ss@"),
        lambda url: httpx.URL(url).copy_with(username="user", password="p@ss"),
        lambda url: httpx.Proxy(url, auth=("user", "p@ss")),
    ],
    ids=["text", "URL", "Proxy"],
)
def test_proxy_as_argument(balance: Balance, proxy: Callable[[str], str | httpx.URL | httpx.Proxy]) -> None:
    """A proxy is asked for a tunnel to the server, with its own credentials and none of the account."""
    with Sandbox() as other:
        client = connect(some_credentials(), server="https://127.0.0.1:1", proxy=proxy(other.url), retry=None)
        with pytest.raises(NetworkError) as caught:
            balance(client)

    [request] = other.received_requests
    assert ("CONNECT", "127.0.0.1:1", b"") == (request.method, request.path, request.query)
    assert "Basic dXNlcjpwQHNz" == request.headers["Proxy-Authorization"]
    assert "X-MBX-APIKEY" not in request.headers
    assert "not_executed" == caught.value.execution


@pytest.mark.parametrize(
    "proxy",
    [
        "junk",
        "",
        "ftp://127.0.0.1",
        "socks://127.0.0.1",
        "http://",
        "http://[::1",
        pytest.param("http://xn--a-", marks=with_httpx_alone),
        "http://user:p@ss@",
        "http://127.0.0.1:port",
        "http://127.0.0.1:65536",
        b"http://127.0.0.1",
        7,
        [],
    ],
)
def test_invalid_proxies(proxy: Any) -> None:
    """An invalid proxy is an error when a client is created, and is not shown, because it may contain a password."""
    with pytest.raises(ConfigurationError) as caught:
        connect(some_credentials(), proxy=proxy)

    expected = (
        "proxy: expected a URL such as http://user:password@host:3128 (or https://, socks5://), or an httpx.Proxy"
    )
    assert expected == str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "proxy",
    [
        f"socks5://user:{'p' * 256}@127.0.0.1",
        f"socks5://{'u' * 256}:pass@127.0.0.1",
        f"socks5h://user:{'p' * 256}@127.0.0.1",
    ],
)
def test_proxies_beyond_a_limit(proxy: str) -> None:
    """User name and password of a SOCKS proxy have at most 255 bytes (RFC 1929, section 2)."""
    with pytest.raises(ConfigurationError, match="^proxy: expected a user name and a password of at most 255 bytes"):
        connect(some_credentials(), proxy=proxy)


@pytest.mark.parametrize(
    "proxy",
    [
        "http://127.0.0.1:65535",
        "http://127.0.0.1",
        f"http://user:{'p' * 256}@127.0.0.1",
        f"socks5://{'u' * 255}:{'p' * 255}@127.0.0.1",
    ],
)
def test_proxies_at_a_limit(proxy: str) -> None:
    """What is just within a limit is accepted, and the limit of SOCKS is not that of HTTP."""
    connect(some_credentials(), proxy=proxy).close()


def test_missing_library_for_socks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its library, a SOCKS proxy is an error that says how to install it; others need none."""
    monkeypatch.setattr(proxies_module, "find_spec", lambda _: None)

    with pytest.raises(ConfigurationError) as caught:
        connect(some_credentials(), proxy="socks5://127.0.0.1:1080")

    expected = "proxy: a SOCKS proxy needs socksio, which is not installed: pip install 'binance-coinm[socks]'"
    assert expected == str(caught.value)
    connect(some_credentials(), proxy="http://127.0.0.1:3128").close()


def test_certificates_of_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy is verified with the environment's certificates, with its own, or, without trust in either, httpx's."""
    monkeypatch.setenv("SSL_CERT_FILE", "/missing.pem")
    own = httpx.Proxy("https://127.0.0.1:1", ssl_context=ssl.create_default_context())

    connect(some_credentials(), proxy="https://127.0.0.1:1", trust_env=False).close()
    connect(some_credentials(), proxy=own, verify=ssl.create_default_context()).close()
    with pytest.raises(ConfigurationError, match=r"SSL_CERT_FILE"):
        connect(some_credentials(), proxy="https://127.0.0.1:1", verify=ssl.create_default_context())


def test_headers_for_a_proxy(balance: Balance) -> None:
    """A proxy gets the headers that are given for it."""
    with Sandbox() as other:
        proxy = httpx.Proxy(other.url, headers={"X-Gateway": "word"})
        with pytest.raises(NetworkError):
            balance(connect(some_credentials(), server="https://127.0.0.1:1", proxy=proxy, retry=None))

    assert "word" == other.received_requests[0].headers["X-Gateway"]


def test_proxy_of_another_kind(balance: Balance) -> None:
    """An HTTP proxy that is given as a SOCKS proxy is a failure of the connection."""
    with Sandbox() as other:
        proxy = other.url.replace("http://", "socks5://")
        with pytest.raises(NetworkError) as caught:
            balance(connect(some_credentials(), server="https://127.0.0.1:1", proxy=proxy, retry=None))

    assert "not_executed" == caught.value.execution
    assert [] == other.received_requests


@pytest.mark.parametrize(("trust_env", "requests"), [(True, 1), (False, 0)])
def test_proxies_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, balance: Balance, requests: int, *, trust_env: bool
) -> None:
    """A proxy of the environment is used for https, unless the environment is not trusted."""
    with Sandbox() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)

        with pytest.raises(NetworkError):
            balance(connect(some_credentials(), server="https://127.0.0.1:1", trust_env=trust_env, retry=None))

        assert requests == len(proxy.received_requests)


@pytest.mark.parametrize("way", ["argument", "environment"])
def test_user_of_a_proxy(monkeypatch: pytest.MonkeyPatch, balance: Balance, way: str) -> None:
    """A proxy gets its user and password, and no error of a call shows them."""
    with Sandbox() as proxy:
        url = proxy.url.replace("//", "//user:hunter%402@")
        monkeypatch.setenv("HTTPS_PROXY", url if way == "environment" else "http://127.0.0.1:1")
        settings: dict[str, Any] = {"proxy": url} if way == "argument" else {}

        with pytest.raises(NetworkError) as caught:
            balance(connect(some_credentials(), server="https://127.0.0.1:1", retry=None, **settings))

    assert "Basic " + b64encode(b"user:hunter@2").decode() == proxy.received_requests[0].headers["Proxy-Authorization"]
    assert "not_executed" == caught.value.execution
    assert "hunter" not in f"{caught.value} {caught.value!r} {vars(caught.value)}"


@pytest.mark.parametrize(
    ("no_proxy", "server", "requests"),
    [
        ("127.0.0.1", "https://127.0.0.1:1", 0),
        ("*", "https://127.0.0.1:1", 0),
        ("exchange.example,127.0.0.1", "https://127.0.0.1:1", 0),
        ("exchange.example, 127.0.0.1", "https://127.0.0.1:1", 0),
        ("127.0.0.1:1", "https://127.0.0.1:1", 0),
        ("127.0.0.1:2", "https://127.0.0.1:1", 1),
        ("localhost.invalid:443", "https://localhost.invalid", 0),
        ("localhost.invalid:443", "https://localhost.invalid:1", 1),
        ("localhost,[::1]", "https://localhost:1", 0),
        ("localhost,[::1]", "https://[::1]:1", 0),
        ("localhost,::1", "https://[::1]:1", 0),
        ("localhost,[::1]", "https://127.0.0.1:1", 1),
        ("", "https://127.0.0.1:1", 1),
    ],
)
def test_servers_without_a_proxy(
    monkeypatch: pytest.MonkeyPatch, balance: Balance, no_proxy: str, server: str, requests: int
) -> None:
    """Servers in NO_PROXY, and no others, are reached without the proxy of the environment."""
    with Sandbox() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", no_proxy)

        with pytest.raises(NetworkError):
            balance(connect(some_credentials(), server=server, retry=None))

        assert requests == len(proxy.received_requests)
        with pytest.raises(NetworkError):
            balance(connect(some_credentials(), server=server, retry=None, proxy=proxy.url))

    # An argument has no exceptions.
    assert requests + 1 == len(proxy.received_requests)


def test_exceptions_of_the_proxy_are_kept(monkeypatch: pytest.MonkeyPatch, balance: Balance) -> None:
    """A client keeps the exceptions that NO_PROXY names when it is created, as it keeps the proxy."""
    with Sandbox() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        client = connect(some_credentials(), server="https://127.0.0.1:1", retry=None)
        monkeypatch.setenv("NO_PROXY", "*")

        with pytest.raises(NetworkError):
            balance(client)

        assert 1 == len(proxy.received_requests)


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
    """The most specific variable names the proxy, with its scheme or without; unused ones are not read."""
    with Sandbox() as proxy:
        for name, value in variables.items():
            monkeypatch.setenv(name, proxy.url.replace("http://", scheme) if value == "proxy" else value)

        with pytest.raises(NetworkError):
            balance(connect(some_credentials(), server="https://127.0.0.1:1", retry=None))

    assert ["CONNECT"] == [request.method for request in proxy.received_requests]


@pytest.mark.parametrize("side", ["sync", "async"])
def test_each_client_keeps_its_proxy(monkeypatch: pytest.MonkeyPatch, side: str) -> None:
    """A client uses the proxy that the environment names when it is created, whatever older clients use."""

    def call(client: Client, runner: asyncio.Runner) -> None:
        if side == "sync":
            futures_account_balance.sync(client=client)
        else:
            runner.run(futures_account_balance.asyncio(client=client))

    with Sandbox() as first_proxy, Sandbox() as second_proxy, asyncio.Runner() as runner:
        clients: list[Client] = []
        for proxy in (first_proxy, second_proxy):
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            clients.append(connect(some_credentials(), server="https://127.0.0.1:1", retry=None))
            with pytest.raises(NetworkError):
                call(clients[-1], runner)
        for client in clients:
            runner.run(client.aclose())

        assert (1, 1) == (len(first_proxy.received_requests), len(second_proxy.received_requests))


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("SSL_CERT_FILE", "/missing.pem", ": '/missing.pem' has no certificates that can be read (No such file"),
        ("SSL_CERT_FILE", __file__, f": {__file__!r} has no certificates that can be read ("),
        ("SSL_CERT_DIR", "/missing:/none", ": '/missing:/none' has no certificates that can be read (No such file"),
        ("SSLKEYLOGFILE", "/missing/keys", " is '/missing/keys', which cannot be written ("),
        ("HTTPS_PROXY", "gopher://127.0.0.1", " is 'gopher://127.0.0.1': expected a URL such as http://"),
        ("https_proxy", "socks://127.0.0.1:1080", " is 'socks://127.0.0.1:1080': expected a URL such as http://"),
        ("ALL_PROXY", "http://", " is 'http://': expected a URL such as http://"),
        ("HTTPS_PROXY", "http://user:pass/word@127.0.0.1", " is 'http://[hidden]@127.0.0.1': expected a URL such as"),
        ("HTTPS_PROXY", "user:pass/word@127.0.0.1", " is '[hidden]@127.0.0.1': expected a URL such as http://"),
    ],
    ids=["file", "not a certificate", "folders", "log", "scheme", "socks", "no host", "no port", "no scheme"],
)
def test_invalid_environment(monkeypatch: pytest.MonkeyPatch, variable: str, value: str, message: str) -> None:
    """Invalid certificates and proxies are errors when a client is created, and a password is not shown."""
    monkeypatch.setenv(variable, value)

    with pytest.raises(ConfigurationError) as caught:
        connect(some_credentials(), server="https://127.0.0.1:1")

    assert str(caught.value).startswith(f"{variable}{message}")
    assert "pass/word" not in str(caught.value)
    assert (None, None) == (caught.value.__cause__, caught.value.__context__)


@pytest.mark.parametrize("first", ["HTTPS_PROXY", "A_GATEWAY"])
def test_variable_that_an_error_names(monkeypatch: pytest.MonkeyPatch, first: str) -> None:
    """An invalid proxy is told by the variable that it comes from, not by one of the same name or the same value."""
    url = "gopher://127.0.0.1"
    monkeypatch.setenv(first, url if first == "A_GATEWAY" else "http://127.0.0.1:1")
    monkeypatch.setenv("https_proxy", url)

    with pytest.raises(ConfigurationError, match=f"^https_proxy is '{url}': expected a URL"):
        connect(some_credentials())


@pytest.mark.parametrize(
    "settings",
    [
        {"server": "http://127.0.0.1:1"},
        {"server": Server.DEMO, "trust_env": False},
        {"server": Server.DEMO, "proxy": "http://127.0.0.1:1", "verify": ssl.create_default_context()},
        {"server": "https://excepted.example", "verify": ssl.create_default_context()},
        {"server": Server.DEMO, "transport": httpx.MockTransport(lambda _: httpx.Response(200, json=[]))},
    ],
    ids=["this machine", "environment not trusted", "arguments", "excepted from the proxy", "transport"],
)
def test_unused_environment(monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]) -> None:
    """Certificates and proxies of the environment that a client does not use may be invalid."""
    monkeypatch.setenv("SSL_CERT_FILE", "/missing.pem")
    monkeypatch.setenv("HTTPS_PROXY", "gopher://127.0.0.1")
    monkeypatch.setenv("NO_PROXY", "excepted.example")

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
        "Client('https://dapi.binance.com')",
        "Credentials(hidden)",
        "HmacKey(hidden)",
        "Signer('https://demo-dapi.binance.com')",
    ] == list(map(repr, shown))


@pytest.mark.parametrize("name", ["demo", "DEMO", "Demo"])
def test_server_by_name(name: str) -> None:
    """A server may be given by its name, as in BINANCE_SERVER."""
    with connect(Credentials(API_KEY, HmacKey(SECRET)), server=name) as client:
        assert Server.DEMO == client.base_url


def test_no_operation_for_the_time() -> None:
    """Synchronizing the clock needs an operation that returns the exchange's time."""

    class ClientWithoutTime(Client):
        spec = Client.spec._replace(server_time=None)

    with pytest.raises(
        ConfigurationError, match=r"^sync_clock: the .* has no operation that returns the exchange's time$"
    ):
        ClientWithoutTime.connect(some_credentials(), sync_clock=True)
