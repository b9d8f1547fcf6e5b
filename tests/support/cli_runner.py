"""The command, in this process or as one of its own; whatever it writes is searched for secrets."""

import os
import re
import subprocess
import sys
from typing import IO, NamedTuple

import pytest
from binance_coinm_cli.__main__ import main
from binance_sandbox import Sandbox
from binance_sandbox.environment import environment_of

_SECRETS = ("BINANCE_API_KEY", "BINANCE_API_SECRET", "BINANCE_PRIVATE_KEY_PASSWORD")
_SIGNATURE = re.compile("[0-9a-f]{64}|signature=|[A-Za-z0-9+/]{86}==")


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


def use(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    """Let the environment name the sandbox's account."""
    for name, value in environment_of(sandbox).items():
        monkeypatch.setenv(name, value)


def here(capsys: pytest.CaptureFixture[str], *arguments: str) -> Ended:
    """Run the command in this process."""
    code = main(list(arguments))
    out, err = capsys.readouterr()
    assert_without_secrets(out + err)
    return Ended(code, out, err)


def start(*arguments: str, stdout: int | IO[bytes] = subprocess.PIPE, **environment: str) -> "subprocess.Popen[bytes]":
    """Start the command as a process, with this one's import path and environment, and more."""
    return subprocess.Popen(
        [sys.executable, "-m", "binance_coinm_cli", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env=environment_with(environment),
    )


def environment_with(environment: dict[str, str]) -> dict[str, str]:
    """Return the environment of a process: this one's, without what says how to write to a terminal, and more."""
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR", "FORCE_COLOR")}
    return kept | {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONWARNINGS": "error"} | environment


def ended(process: "subprocess.Popen[bytes]") -> Ended:
    """Wait for the end of a process."""
    with process:
        out, err = (stream.decode() if stream else "" for stream in process.communicate(timeout=60))
    assert_without_secrets(out + err)
    return Ended(process.returncode, out, err)


def assert_without_secrets(text: str) -> None:
    """Fail if an API key, a secret, a password or a signature is shown."""
    for name in _SECRETS:
        assert not os.environ.get(name) or os.environ[name] not in text
    assert not _SIGNATURE.search(text)
