"""The command line of the sandbox, and the import of its package."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import binance_sandbox
import pytest
from binance_coinm import Credentials, Ed25519Key, HmacKey, connect, errors, public
from binance_sandbox import __main__
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from support.constants import BUNDLED_SPEC
from support.specs import write

WITHOUT_EXTRA = """
import sys
sys.modules["h11"] = None
import binance_sandbox.pytest_plugin
from binance_sandbox.__main__ import main
sys.exit(main([]))
"""
LOADED_BY_PLUGIN = """
import sys
import pytest
before = set(sys.modules)
import binance_sandbox.pytest_plugin
print(*sorted(name for name in set(sys.modules) - before if not name.startswith("binance_sandbox")))
"""


def run(*arguments: str) -> "subprocess.Popen[str]":
    """Start Python with this process's import path."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONWARNINGS": "error"}
    return subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )


def exit_code_of(arguments: list[str]) -> int:
    """Run the command in this process, and restore the handlers of its signals."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        return __main__.main(arguments)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals that ask a process to end")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_command_prints_what_to_set_and_serves_until_a_signal(number: signal.Signals) -> None:
    """The lines can be pasted into a shell; either signal ends the command with exit code 0 and no more output."""
    with run("-m", "binance_sandbox") as process:
        assert process.stdout
        lines = [process.stdout.readline().rstrip() for _ in range(4)]
        url = lines[1].removeprefix("export BINANCE_SERVER=")
        powershell = process.stdout.readline().rstrip()
        with urllib.request.urlopen(f"{url}/dapi/v1/time") as response:  # noqa: S310, the URL is http on loopback
            assert response.status == 200
        process.send_signal(number)
        rest, errors = process.communicate(timeout=30)

    assert lines[0] == f"# The sandbox runs at {url} until Ctrl-C. To use it from a client:"
    assert url.startswith("http://127.0.0.1:")
    assert [line.partition("=")[0] for line in lines[1:]] == [
        "export BINANCE_SERVER",
        "export BINANCE_API_KEY",
        "export BINANCE_API_SECRET",
    ]
    assert [len(line.partition("=")[2]) for line in lines[2:]] == [64, 64]
    variables = [re.sub("export (.*)=(.*)", r"$env:\1 = '\2'", line) for line in lines[1:]]
    assert powershell == f"# In PowerShell: {'; '.join(variables)}"
    assert (process.returncode, rest, errors) == (0, "", "")


def test_accounts_of_the_command() -> None:
    """Given accounts take the place of the random one; each has the same balances, and the first one is shown."""
    with run("-m", "binance_sandbox", "--account", "key:secret:1", "--account", "other:2") as process:
        assert process.stdout
        lines = [process.stdout.readline().rstrip() for _ in range(4)]
        url = lines[1].removeprefix("export BINANCE_SERVER=")
        clients = [
            connect(Credentials(key, HmacKey(secret)), server=url)
            for key, secret in (("key", "secret:1"), ("other", "2"))
        ]
        rows = [client.account.futures_account_balance() for client in clients]
        for client in clients:
            client.close()
        process.terminate()
        process.communicate(timeout=30)

    assert lines[2:] == ["export BINANCE_API_KEY=key", "export BINANCE_API_SECRET=secret:1"]
    assert [len(row) for row in rows] == [5, 5]


def test_public_key_of_the_command(tmp_path: Path) -> None:
    """An account with a public key takes what its private key has signed; there is no secret to show."""
    private_key = Ed25519PrivateKey.generate()
    public_key = tmp_path / "public.pem"
    public_key.write_bytes(
        private_key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    private_pem = private_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )

    with run("-m", "binance_sandbox", "--public-key", f"key:{public_key}") as process:
        assert process.stdout
        lines = [process.stdout.readline().rstrip() for _ in range(4)]
        url = lines[1].removeprefix("export BINANCE_SERVER=")
        with connect(Credentials("key", Ed25519Key.from_pem(private_pem)), server=url) as client:
            rows = client.account.futures_account_balance()
        process.terminate()
        process.communicate(timeout=30)

    assert lines[2:] == [
        "export BINANCE_API_KEY=key",
        "# Set BINANCE_PRIVATE_KEY_FILE to the path of the private key.",
    ]
    assert len(rows) == 5


def test_document_of_the_command(tmp_path: Path) -> None:
    """The operations are those of another document, if one is given."""
    document = json.loads(BUNDLED_SPEC.read_text())
    document["paths"] = {"/dapi/v1/time": document["paths"]["/dapi/v1/time"]}
    file = write(document, tmp_path)

    with run("-m", "binance_sandbox", "--document", str(file)) as process:
        assert process.stdout
        lines = [process.stdout.readline().rstrip() for _ in range(4)]
        with public(server=lines[1].removeprefix("export BINANCE_SERVER=")) as client:
            assert client.market.check_server_time().server_time
            with pytest.raises(errors.ApiError, match="HTTP 404"):
                client.market.test_connectivity()
        process.terminate()
        process.communicate(timeout=30)


@pytest.mark.parametrize("account", ["key", ":public.pem", "key:"])
def test_invalid_public_key_argument(account: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An account without a key or a file is invalid usage."""
    with pytest.raises(SystemExit) as ended:
        __main__.main(["--public-key", account])

    assert ended.value.code == 2
    assert capsys.readouterr().err.endswith("expected an API key and a file with a colon between them, KEY:FILE\n")


@pytest.mark.parametrize("options", [["--public-key", "key:missing"], ["--document", "missing"]], ids=lambda o: o[0])
def test_missing_files(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A file that does not exist ends the command with its name in one line."""
    assert exit_code_of(options) == 1

    assert capsys.readouterr().err == "binance_sandbox: [Errno 2] No such file or directory: 'missing'\n"


@pytest.mark.parametrize("account", ["my-secret", ":my-secret", "my-secret:"])
def test_invalid_account(account: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An account without a key or a secret is invalid usage, and not shown."""
    with pytest.raises(SystemExit) as ended:
        __main__.main(["--account", account])

    error = capsys.readouterr().err
    assert ended.value.code == 2
    assert error.endswith("expected an API key and a secret with a colon between them, KEY:SECRET\n")
    assert "my-secret" not in error


def test_command_without_the_extra_says_how_to_install_it() -> None:
    """The command prints one line and no traceback; loading the pytest plugin works."""
    with run("-c", WITHOUT_EXTRA) as process:
        output, errors = process.communicate(timeout=30)

    assert output == ""
    assert errors == (
        "binance_sandbox: binance_sandbox needs h11, which is not installed: pip install 'binance-coinm[sandbox]'\n"
    )
    assert process.returncode == 1


def test_plugin_loads_nothing_but_pytest() -> None:
    """The plugin imports none of the dependencies before a fixture is used."""
    with run("-c", LOADED_BY_PLUGIN) as process:
        output, errors = process.communicate(timeout=30)

    assert (output, errors) == ("\n", "")


@pytest.mark.parametrize("port", ["-1", "65536"])
def test_invalid_port(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An invalid port ends the command with an exit code and one line of error."""
    assert exit_code_of(["--port", port]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_public_names() -> None:
    """All public names are importable; another name raises AttributeError."""
    assert sorted(binance_sandbox.__all__) == binance_sandbox.__all__
    for name in binance_sandbox.__all__:
        assert getattr(binance_sandbox, name).__name__ == name
    with pytest.raises(AttributeError, match="'binance_sandbox' has no attribute 'Other'"):
        _ = binance_sandbox.Other
