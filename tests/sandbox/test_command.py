"""The command line of the sandbox, and the import of its package."""

import os
import re
import signal
import subprocess
import sys
import urllib.request

import binance_sandbox
import pytest
from binance_coinm import Credentials, HmacKey, connect
from binance_sandbox import __main__

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


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals that ask a process to end")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_command_prints_what_to_set_and_serves_until_a_signal(number: signal.Signals) -> None:
    """The lines can be pasted into a shell; either signal ends the command with exit code 0 and no more output."""
    with run("-m", "binance_sandbox") as process:
        assert process.stdout
        lines = [process.stdout.readline().rstrip() for _ in range(4)]
        url = lines[1].removeprefix("export BINANCE_SERVER=")
        powershell = [process.stdout.readline().rstrip() for _ in range(4)]
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
    assert powershell == [
        "# Or in PowerShell:",
        *(re.sub("export (.*)=(.*)", r"$env:\1 = '\2'", line) for line in lines[1:]),
    ]
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
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    code = __main__.main(["--port", port])
    for number, handler in handlers.items():
        signal.signal(number, handler)

    assert code == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_public_names() -> None:
    """All public names are importable; another name raises AttributeError."""
    assert sorted(binance_sandbox.__all__) == binance_sandbox.__all__
    for name in binance_sandbox.__all__:
        assert getattr(binance_sandbox, name).__name__ == name
    with pytest.raises(AttributeError, match="'binance_sandbox' has no attribute 'Other'"):
        _ = binance_sandbox.Other
