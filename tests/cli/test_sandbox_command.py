"""`binance-coinm sandbox`: a program with a sandbox, and a sandbox alone."""

import re
import signal
import sys

import pytest
from binance_sandbox import Sandbox
from support.cli_runner import ended, here, start, use

if sys.platform == "win32":
    pytest.skip("Windows has no signals that ask a process to end", allow_module_level=True)

from support.terminal import Terminal

CALLS = """
import os
from binance_coinm import connect
with connect() as client:
    print(len(client.account.futures_account_balance()), client.base_url.rpartition(":")[0])
print(sorted(name for name in os.environ if name.startswith("BINANCE_")))
"""
HANDLES = """
import signal, sys
def handle(number, frame):
    print("got", signal.Signals(number).name, flush=True)
    sys.exit(7)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, handle)
print("ready", flush=True)
signal.pause()
signal.pause()
"""


def test_program_calls_the_sandbox(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    """The program's environment names a new sandbox, and no other account or key."""
    use(monkeypatch, sandbox)
    monkeypatch.setenv("BINANCE_PRIVATE_KEY_FILE", "/missing.pem")

    code, out, err = ended(start("sandbox", "--", sys.executable, "-c", CALLS))

    assert (0, "") == (code, err)
    assert ["5 http://127.0.0.1", "['BINANCE_API_KEY', 'BINANCE_API_SECRET', 'BINANCE_SERVER']"] == out.splitlines()
    assert not sandbox.received_requests


@pytest.mark.parametrize(
    ("program", "code"),
    [
        (["sh", "-c", "exit 7"], 7),
        (["--", "sh", "-c", "exit 0"], 0),
        (["--", "sh", "-c", "kill -KILL $$"], 137),
    ],
)
def test_exit_code_of_the_program(program: list[str], code: int) -> None:
    """The exit code is the program's; for a signal it is 128 plus its number, as shells report it."""
    assert (code, "", "") == ended(start("sandbox", *program))


def test_program_that_cannot_be_run(capfd: pytest.CaptureFixture[str]) -> None:
    """A program that does not exist, or is none, is reported with the exit code of shells; handlers are untouched."""
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    assert (127, "", "binance-coinm: no-such-program: No such file or directory\n") == here(
        capfd, "sandbox", "no-such-program"
    )
    assert (126, "", "binance-coinm: /dev/null: Permission denied\n") == here(capfd, "sandbox", "--", "/dev/null")
    assert (3, "hello\n", "") == here(capfd, "sandbox", "--", "sh", "-c", "echo hello; exit 3")
    assert handlers == [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signals_are_passed_on(number: signal.Signals) -> None:
    """The program gets the signals that ask to end, and decides how it does."""
    process = start("sandbox", sys.executable, "-c", HANDLES)
    assert process.stdout
    assert b"ready\n" == process.stdout.readline()

    process.send_signal(number)

    assert (7, f"got {number.name}\n", "") == ended(process)


def test_ctrl_c() -> None:
    """Ctrl+C reaches the program once, from the terminal, and the command waits for it."""
    with Terminal("sandbox", sys.executable, "-c", HANDLES, columns=80) as terminal:
        terminal.read(lambda out: "ready\n" in out)
        terminal.type(b"\x03")
        code, out = terminal.ended()

    assert (7, ["ready", "^Cgot SIGINT"]) == (code, out.splitlines())


def test_sandbox_alone() -> None:
    """Without a program it serves until it is asked to end, and prints what to set, as `python -m binance_sandbox`."""
    process = start("sandbox", "--port", "0")
    assert process.stdout
    lines = [process.stdout.readline().decode() for _ in range(5)]
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)

    names = ["BINANCE_SERVER", "BINANCE_API_KEY", "BINANCE_API_SECRET"]
    assert 0 == process.returncode
    assert [f"export {name}" for name in names] == [line.partition("=")[0] for line in lines[1:4]]
    assert names == re.findall(r"[$]env:(\w+) = '", lines[4])


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """If the sandbox's libraries are missing, the command says how to install them, and runs nothing."""
    monkeypatch.setitem(sys.modules, "binance_sandbox._sandbox", None)

    code, out, err = here(capsys, "sandbox", "--", "echo", "hello")

    assert (2, "", 1) == (code, out, err.count("\n"))
    assert "which is not installed: pip install 'binance-coinm[sandbox]'" in err
