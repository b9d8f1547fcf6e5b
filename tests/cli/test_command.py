"""The command line: arguments, installation, exit codes."""

import io
import logging
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from binance_coinm import Server
from binance_coinm_cli import __main__, _app
from binance_sandbox import Sandbox
from support.cli_runner import ended, environment_with, here, start, use
from support.constants import SPEC
from support.secret_search import assert_hidden

_NOTHING = Path("/dev/full")
WITHOUT_EXTRA = """
import sys
sys.modules[{name!r}] = None
from binance_coinm_cli.__main__ import main
sys.exit(main(["balance"]))
"""
WITHOUT_NEED = """
import sys
sys.modules.update(click=None, rich=None)
import binance_coinm_cli.__main__
from binance_coinm.api.account import futures_account_balance
from binance_coinm import Credentials, HmacKey, connect
connect(Credentials("key", HmacKey("secret"))).close()
"""
WITHOUT_OPERATIONS = """
import sys
from binance_coinm_cli.__main__ import main
main(["balance", "--sandbox", "--json"])
sys.exit(any(f"binance_coinm_cli.{name}" in sys.modules for name in ("_call", "_operations", "_completion")))
"""

NO_CREDENTIALS = """\
binance-coinm: no credentials: BINANCE_API_KEY is empty
binance-coinm: to try it without an account, add --sandbox
binance-coinm: to check your settings, run binance-coinm doctor
"""


def python(code: str) -> tuple[int, str, str]:
    """Run Python code in a separate process."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=environment_with({}),
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr


def test_script_is_the_command() -> None:
    """The console script runs the command."""
    (script,) = entry_points(group="console_scripts", name="binance-coinm")

    assert __main__.main is script.load()


@pytest.mark.parametrize("name", ["click", "rich"])
def test_without_the_extra(name: str) -> None:
    """Without its libraries, the command prints one line that says how to install them."""
    code, out, err = python(WITHOUT_EXTRA.format(name=name))

    assert (2, "") == (code, out)
    assert f"binance-coinm needs {name}, which is not installed: pip install 'binance-coinm[cli]'\n" == err


def test_another_library_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing module that belongs to no extra is a bug, and is raised."""
    monkeypatch.setitem(sys.modules, "binance_coinm_cli._app", None)

    with pytest.raises(ModuleNotFoundError, match="binance_coinm_cli._app"):
        __main__.main([])


def test_interrupted_import(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl+C while the command is being imported ends it without a traceback."""

    class Interrupted:
        @property
        def run(self) -> None:
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "binance_coinm_cli._app", Interrupted())

    assert 130 == __main__.main([])


def test_sdk_needs_no_library_of_the_command() -> None:
    """The SDK and the entry point work without the command's libraries, which are imported when it runs."""
    assert (0, "", "") == python(WITHOUT_NEED)


def test_balance_does_not_load_the_operations() -> None:
    """Only the commands that need all operations import what knows them."""
    code, _, err = python(WITHOUT_OPERATIONS)

    assert (0, "") == (code, err)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["-h"],
        *([name, "--help"] for name in ("balance", "call", "completion", "doctor", "operations", "sandbox")),
    ],
)
def test_help_tells_the_exit_codes(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    """Each help text lists the exit codes."""
    code, out, err = here(capsys, *arguments)

    assert (0, "") == (code, err)
    assert [line.split()[0] for line in out.partition("Exit codes:\n")[2].splitlines()] == [
        "0",
        "1",
        "2",
        "130",
        "141",
    ]


def test_nothing_typed_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    """Without arguments, the command shows its help and exits with the code of invalid usage."""
    code, out, err = here(capsys)

    assert (2, "") == (code, err)
    assert (
        "  balance     Show the balances of the account.\n"
        "  call        Call an operation, and show its response.\n"
        "  completion  Print the completion script of a shell.\n"
        "  doctor      Check each step of a call, and show what was found.\n"
        "  generate    Generate a client package from an OpenAPI document.\n"
        "  operations  List all operations.\n"
        "  sandbox     Run an exchange on this machine; no account needed.\n"
    ) in out


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_version(capsys: pytest.CaptureFixture[str], option: str) -> None:
    """The version is the generated package's."""
    assert (0, "binance-coinm, version 0.1.0\n", "") == here(capsys, option)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["balances"], "No such command 'balances'"),
        (["help"], "'help' is an option, not a command: binance-coinm --help"),
        (["version"], "'version' is an option, not a command: binance-coinm --version"),
        (["balance", "--server", "moon"], "production, demo, testnet or a URL, got 'moon'; see binance-coinm balance"),
        (["balance", "--timeout", "0"], "expected 0.001 to 86400 seconds, got 0; see binance-coinm balance --help"),
        (["balance", "--timeout", "nan"], "expected 0.001 to 86400 seconds, got nan; see"),
        (["balance", "--timeout", "soon"], "'soon' is not a valid float"),
        (["balance", "--watch", "0"], "expected 0.1 to 86400 seconds, got 0; see binance-coinm balance --help"),
        (["balance", "--json", "--csv"], "--json and --csv cannot be used together; see binance-coinm balance --help"),
        (["balance", "--csv", "--watch", "1"], "CSV output and --watch cannot be used together; see"),
        (["balance", "-o", "csv", "--watch", "1"], "CSV output and --watch cannot be used together; see"),
        (["balance", "-o", "json", "--csv"], "--output and --csv cannot be used together; see"),
        (["call", "-o", "table", "--json", "check_server_time"], "--output and --json cannot be used together; see"),
        (["operations", "-o", "yaml"], "'yaml' is not one of 'table', 'json', 'csv'; see binance-coinm operations"),
        (["completion", "sh"], "'sh' is not one of 'bash', 'zsh', 'fish'; see binance-coinm completion --help"),
        (["sandbox", "--port", "65536"], "65536 is not in the range 0<=x<=65535; see binance-coinm sandbox --help"),
        (["balance", "--sandbox", "--server", "demo"], "--sandbox and --server cannot be used together; see"),
        (["doctor", "--sandbox", "--server", "demo"], "--sandbox and --server cannot be used together; see"),
        (["doctor", "--json"], "No such option"),
    ],
)
def test_wrong_usage_is_one_line(capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    """Invalid arguments are reported in one line that refers to --help, and nothing is sent."""
    code, out, err = here(capsys, *arguments)

    assert (2, "", 1) == (code, out, err.count("\n"))
    assert err.startswith("binance-coinm: ")
    assert said in err


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("BINANCE_SERVER", "moon", "BINANCE_SERVER is 'moon'"),
        ("BINANCE_SERVER", "http://exchange.example", "would send credentials unencrypted"),
        (
            "SSL_CERT_FILE",
            "/missing.pem",
            "SSL_CERT_FILE: '/missing.pem' has no certificates that can be read (No such",
        ),
        ("HTTPS_PROXY", "gopher://127.0.0.1", "HTTPS_PROXY is 'gopher://127.0.0.1': expected a URL"),
        ("HTTPS_PROXY", "http://user:pass/word@127.0.0.1", "HTTPS_PROXY is 'http://[hidden]@127.0.0.1': expected a"),
    ],
)
@pytest.mark.parametrize("command", ["balance", "doctor"])
def test_wrong_environment(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    variable: str,
    value: str,
    said: str,
) -> None:
    """Invalid settings are reported without a traceback, and have their own exit code."""
    for name in ("BINANCE_API_KEY", "BINANCE_API_SECRET"):
        monkeypatch.setenv(name, f"value of {name}".replace(" ", "-"))
    # No server listens there, so doctor sends nothing beyond this machine.
    monkeypatch.setenv("BINANCE_SERVER", "https://127.0.0.1:9")
    monkeypatch.setenv(variable, value)

    code, out, err = here(capsys, command)

    assert 2 == code
    assert said in (err if command == "balance" else out)
    assert (1 if command == "balance" else 0) == err.count("\n")
    assert "pass/word" not in out + err


@pytest.mark.parametrize(
    ("options", "lines"),
    [
        ([], []),
        (["-v"], ["retry 1 of GET /dapi/v1/balance in"]),
        (["--verbose", "-v"], ["GET /dapi/v1/balance: HTTP 503", "retry 1 of GET /dapi/v1/balance in", "GET"]),
    ],
)
def test_verbose(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    sandbox: Sandbox,
    options: list[str],
    lines: list[str],
) -> None:
    """-v shows retries on stderr, and -vv each response too; nothing secret is among them, and stdout is the same."""
    use(monkeypatch, sandbox)
    logger = logging.getLogger("binance_client")
    before = logger.level, list(logger.handlers)
    plain = here(capsys, "balance").out
    sandbox.respond_next(503, path="/dapi/v1/balance")

    code, out, err = here(capsys, "balance", *options)

    assert (0, plain) == (code, out)
    assert len(lines) == err.count("\n")
    for line, start_of_line in zip(err.splitlines(), lines, strict=True):
        assert line.startswith(f"binance-coinm: {start_of_line}")
    assert_hidden(sandbox, err)
    assert before == (logger.level, list(logger.handlers))


@pytest.mark.parametrize("arguments", [["balance"], ["call", "account_information"]])
def test_missing_credentials(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    """Missing credentials are three short lines: what is missing, how to do without, and how to check."""
    monkeypatch.setenv("BINANCE_API_KEY", "")

    assert (2, "", NO_CREDENTIALS) == here(capsys, *arguments)


@pytest.mark.parametrize("command", ["balance", "doctor"])
def test_sandbox_without_its_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    """If the sandbox's libraries are missing, the command says how to install them."""
    monkeypatch.setitem(sys.modules, "binance_sandbox._sandbox", None)

    code, out, err = here(capsys, command, "--sandbox")

    assert (2, "", 1) == (code, out, err.count("\n"))
    assert "which is not installed: pip install 'binance-coinm[sandbox]'" in err


@pytest.mark.parametrize("arguments", [["balance", "--csv"], ["doctor"]])
def test_reader_that_went_away(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, arguments: list[str]) -> None:
    """When the reader closes the pipe, the command ends silently, with the exit code that shells use for SIGPIPE."""
    use(monkeypatch, sandbox)
    process = start(*arguments)
    assert process.stdout
    process.stdout.close()
    process.stdout = None

    assert (141, "", "") == ended(process)


@pytest.mark.skipif(not _NOTHING.exists(), reason="only Linux has a device that is always full")
def test_full_disk(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    """Output that cannot be written is reported in one line."""
    use(monkeypatch, sandbox)

    with _NOTHING.open("wb") as nothing:
        assert (1, "", "binance-coinm: No space left on device\n") == ended(start("balance", "--json", stdout=nothing))


def test_closed_output(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], sandbox: Sandbox) -> None:
    """The command works with stdout closed."""
    use(monkeypatch, sandbox)

    for arguments in (["balance"], ["balance", "--json"], ["doctor"]):
        monkeypatch.setattr(sys, "stdout", None)
        assert 0 == __main__.main(arguments)
    assert "" == capsys.readouterr().err


def test_closed_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command works with stderr closed."""
    monkeypatch.setattr(sys, "stderr", None)

    assert 2 == __main__.main(["balances"])


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_ascii_in_process(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, form: list[str]) -> None:
    """Characters that the encoding lacks are escaped."""
    use(monkeypatch, sandbox)
    sandbox.balances[0]["asset"] = "币"
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, "ascii"))

    assert 0 == __main__.main(["balance", *form])
    assert b"\\u5e01" in written.getvalue()


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-16"])
def test_csv_is_utf_8(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, encoding: str) -> None:
    """CSV is UTF-8 whatever the encoding of the streams and the locale are."""
    use(monkeypatch, sandbox)
    sandbox.balances = [sandbox.balances[0] | {"asset": "币é"}]

    code, out, err = ended(start("balance", "--csv", LANG="C", LC_ALL="C", PYTHONIOENCODING=encoding))

    assert (0, "") == (code, err)
    assert "SgsR,币é,0.00250000," in out


def test_ascii_as_process(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    """With an ASCII locale and streams, all output is shown, including errors."""
    use(monkeypatch, sandbox)
    sandbox.balances[0]["asset"] = "币"
    sandbox.respond_next(400, body={"code": -1, "msg": "不"}, path="/dapi/v1/balance")

    code, out, err = ended(start("doctor", LANG="C", LC_ALL="C", PYTHONIOENCODING="ascii"))

    assert (1, "") == (code, err)
    assert "FAILED   balance: HTTP 400, code -1: \\u4e0d\n" in out


def test_interrupted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl+C during a call, or while click parses, ends the command silently with its exit code."""

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(_app, "balance", interrupted)
    assert (130, "", "") == here(capsys, "balance")

    monkeypatch.setattr(Server, "from_name", interrupted)
    code, out, _ = here(capsys, "balance", "--server", "demo")
    assert (130, "") == (code, out)


def test_generate(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A package of a document is generated by the command, and one that was not generated is never replaced."""
    arguments = ("generate", "--spec", str(SPEC), "--output", str(tmp_path), "--package", "my_client")

    assert (0, f"{tmp_path / 'my_client'}: generated from {SPEC}\n", "") == here(capsys, *arguments)
    (tmp_path / "my_client" / "__init__.py").write_text("")
    code, out, err = here(capsys, *arguments)

    assert (1, "") == (code, out)
    assert f"{tmp_path / 'my_client'} is not a generated package" in err


def test_generate_tells_each_difference_in_a_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """What a package lacks is told file by file, and each line names the command."""
    code, out, err = here(capsys, "generate", "--spec", str(SPEC), "--output", str(tmp_path), "--check")

    assert (1, "") == (code, out)
    assert f"binance-coinm: missing: {tmp_path / 'binance_coinm' / 'client.py'}" in err.splitlines()
