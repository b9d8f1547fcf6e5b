"""The examples, run as their users run them: as processes whose environment names account and server."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from binance_sandbox import Account, Sandbox

from support.constants import ROOT

EXAMPLES = ROOT / "examples"
SECONDS_TO_END = 60
_SIGNATURE = re.compile("[0-9a-f]{64}|signature=")


class Ended(NamedTuple):
    """What a program said, and its exit code."""

    code: int
    output: str
    errors: str


def account_in(environment: dict[str, str], account: Account, suffix: str = "") -> None:
    """Set the variables of an account, whose names end so."""
    environment[f"BINANCE_API_KEY{suffix}"] = account.api_key
    environment[f"BINANCE_API_SECRET{suffix}"] = account.secret or ""


def environment_of(sandbox: Sandbox) -> dict[str, str]:
    """Return an environment that names the sandbox and its first account; a warning is an error there."""
    environment = os.environ | {"BINANCE_SERVER": sandbox.url, "PYTHONWARNINGS": "error", "PYTHONUNBUFFERED": "1"}
    account_in(environment, sandbox.account)
    return environment


def arguments_of(name: str, *arguments: str) -> list[str]:
    """Return the command that runs an example."""
    return [sys.executable, str(EXAMPLES / name), *arguments]


def run(sandbox: Sandbox, command: list[str], environment: dict[str, str] | None = None) -> Ended:
    """Run a command to its end; none of its words is secret."""
    with started(sandbox, command, environment) as process:
        return ended(sandbox, process)


@contextmanager
def started(
    sandbox: Sandbox, command: list[str], environment: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Run a command, which is killed if the test does not end it."""
    environment = environment or environment_of(sandbox)
    with subprocess.Popen(
        command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def ended(sandbox: Sandbox, process: subprocess.Popen[str]) -> Ended:
    """Wait for a process to end, and give what it has said since it was last read; none of it is secret."""
    output, errors = process.communicate(timeout=SECONDS_TO_END)
    assert_no_secrets(sandbox, output + errors)
    return Ended(process.returncode, output, errors)


def assert_no_secrets(sandbox: Sandbox, text: str) -> None:
    """Find no key, no secret and no signature in a text."""
    for account in sandbox.accounts:
        assert account.api_key not in text
        assert account.secret
        assert account.secret not in text
    assert not _SIGNATURE.search(text)
