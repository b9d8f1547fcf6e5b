"""`--profile`: servers and accounts that have a name in the configuration file."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from binance_sandbox import Account, Sandbox
from support.cli_runner import here, use
from support.constants import ROOT
from support.markdown_blocks import blocks_of
from support.secret_search import PEM, PUBLIC_PEM, assert_hidden

Write = Callable[[str], Path]
ROW = {
    "accountAlias": "SgsR",
    "asset": "LTC",
    "balance": "1.5",
    "withdrawAvailable": "1.5",
    "crossWalletBalance": "1.5",
    "crossUnPnl": "0",
    "availableBalance": "1.5",
    "updateTime": 0,
}
NO_SECRET = "the system's keyring has no secret: keyring set binance-coinm hedge"


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Return a function that writes the configuration file."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    file = tmp_path / "binance-coinm" / "config.toml"
    file.parent.mkdir()

    def write(text: str) -> Path:
        file.write_text(text, encoding="utf-8")
        return file

    return write


@pytest.fixture
def account(sandbox: Sandbox) -> Account:
    """Return a second account, whose balances are not those of the first."""
    return sandbox.add_account(responses={"futuresAccountBalance": [ROW]})


def assets(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    """Return the assets of the account that is called."""
    code, out, err = here(capsys, "balance", "--json", *arguments)
    assert (0, "") == (code, err)
    return [row["asset"] for row in json.loads(out)]


def profile_of(sandbox: Sandbox, account: Account, more: str = "") -> str:
    """Return a profile `hedge` of an account of the sandbox, without its secret."""
    return f'[profiles.hedge]\nserver = "{sandbox.url}"\napi_key = "{account.api_key}"\n{more}'


def test_secret_in_the_environment(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    sandbox: Sandbox,
    write: Write,
    account: Account,
) -> None:
    """A profile names server and API key; BINANCE_PROFILE takes the place of the option."""
    write(profile_of(sandbox, account))
    monkeypatch.setenv("BINANCE_API_SECRET", account.secret or "")

    assert ["LTC"] == assets(capsys, "--profile", "hedge")
    monkeypatch.setenv("BINANCE_PROFILE", "hedge")
    assert ["LTC"] == assets(capsys)
    assert "5" == str(len(assets(capsys, "--sandbox")))


@pytest.mark.parametrize("is_relative", [True, False])
def test_private_key_file(
    capsys: pytest.CaptureFixture[str], sandbox: Sandbox, write: Write, *, is_relative: bool
) -> None:
    """A private key is in a file, whose path may be relative to that of the configuration; doctor says all sources."""
    account = sandbox.add_account(public_key_pem=PUBLIC_PEM, responses={"futuresAccountBalance": [ROW]})
    file = write("")
    (file.parent / "hedge.pem").write_bytes(PEM)
    path = "hedge.pem" if is_relative else str(file.parent / "hedge.pem")
    write(profile_of(sandbox, account, f"private_key_file = '{path}'"))

    assert ["LTC"] == assets(capsys, "--profile", "hedge")
    code, out, err = here(capsys, "doctor", "--profile", "hedge")

    assert (0, "") == (code, err)
    assert "ok       credentials: api_key of profile hedge (" in out
    assert " characters) and private_key_file of profile hedge\n" in out
    assert f"server: {sandbox.url} (server of profile hedge)\n" in out
    assert_hidden(sandbox, out)


def test_keyring(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    sandbox: Sandbox,
    write: Write,
    account: Account,
) -> None:
    """The secret comes from the system's keyring, which is asked only if the environment has none."""
    write(profile_of(sandbox, account, "keyring = true"))
    passwords = {("binance-coinm", "hedge"): account.secret}
    asked = list[tuple[str, str]]()

    class Keyring(ModuleType):
        @staticmethod
        def get_password(service: str, user: str) -> str | None:
            asked.append((service, user))
            return passwords.get((service, user))

    errors = ModuleType("keyring.errors")
    errors.KeyringError = OSError  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", Keyring("keyring"))
    monkeypatch.setitem(sys.modules, "keyring.errors", errors)

    assert ["LTC"] == assets(capsys, "--profile", "hedge")
    assert "and keyring of profile hedge\n" in here(capsys, "doctor", "--profile", "hedge").out
    passwords.clear()
    assert (2, "", f"binance-coinm: ConfigurationError: {NO_SECRET}\n") == here(capsys, "balance", "--profile", "hedge")
    monkeypatch.setenv("BINANCE_API_SECRET", account.secret or "")
    assert ["LTC"] == assets(capsys, "--profile", "hedge")
    assert [("binance-coinm", "hedge")] * 3 == asked


def test_without_keyring(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    sandbox: Sandbox,
    write: Write,
    account: Account,
) -> None:
    """If the library is missing, the command says how to install it."""
    write(profile_of(sandbox, account, "keyring = true"))
    monkeypatch.setitem(sys.modules, "keyring", None)

    code, out, err = here(capsys, "balance", "--profile", "hedge")

    assert (2, "", 1) == (code, out, err.count("\n"))
    assert "profile hedge needs keyring, which is not installed: pip install 'binance-coinm[keyring]'" in err


def test_precedence(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    sandbox: Sandbox,
    write: Write,
    account: Account,
) -> None:
    """An option counts before the environment, and the environment before the profile; a signing key is one setting."""
    write(f'[profiles.hedge]\nserver = "testnet"\napi_key = "{account.api_key}"\nprivate_key_file = "missing.pem"')
    monkeypatch.setenv("BINANCE_API_SECRET", account.secret or "")

    assert ["LTC"] == assets(capsys, "--profile", "hedge", "--server", sandbox.url)
    monkeypatch.setenv("BINANCE_SERVER", sandbox.url)
    assert ["LTC"] == assets(capsys, "--profile", "hedge")
    monkeypatch.setenv("BINANCE_SERVER", "demo")
    assert ["LTC"] == assets(capsys, "--profile", "hedge", "--server", sandbox.url)


def test_api_keys_of_two_accounts(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    sandbox: Sandbox,
    write: Write,
    account: Account,
) -> None:
    """An environment with the API key of another account than the profile's is an error, and nothing is sent."""
    use(monkeypatch, sandbox)
    write(profile_of(sandbox, account))

    code, out, err = here(capsys, "balance", "--profile", "hedge")

    assert (2, "", 1) == (code, out, err.count("\n"))
    assert "BINANCE_API_KEY and profile hedge are of two accounts; unset BINANCE_API_KEY, or" in err
    assert account.api_key not in err
    assert not sandbox.received_requests


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[profiles.hedge", "expected TOML: "),
        ('[profiles.hedge]\napi_secret = "hidden"\nbroken', "expected TOML: "),
        ("", "expected tables [profiles.NAME], and nothing else"),
        ("[hedge]", "expected tables [profiles.NAME], and nothing else"),
        ("profiles = 1", "expected tables [profiles.NAME], and nothing else"),
        ("[profiles.main]\n[profiles.demo]", "no profile hedge; there is main, demo"),
        ("[profiles]", "no profile hedge; there is none"),
        ("profiles.hedge = 1", "profiles.hedge: expected a table [profiles.hedge]"),
        (
            '[profiles.hedge]\napi_secret = "hidden"',
            "profiles.hedge.api_secret: secrets do not belong in this file; use BINANCE_API_SECRET or",
        ),
        (
            '[profiles.hedge]\nprivate_key_password = "hidden"',
            "profiles.hedge.private_key_password: secrets do not belong in this file; use ",
        ),
        (
            '[profiles.hedge]\napikey = "hidden"',
            "profiles.hedge.apikey: expected one of server, api_key, private_key_file, keyring",
        ),
        ("[profiles.hedge]\napi_key = 1", "profiles.hedge.api_key: expected a text in quotation marks"),
        ("[profiles.hedge]\nserver = ''", "profiles.hedge.server: expected a text in quotation marks"),
        ("[profiles.hedge]\nserver = 'moon'", "profiles.hedge.server: expected production, demo, testnet or a URL"),
        ("[profiles.hedge]\nkeyring = 'yes'", "profiles.hedge.keyring: expected true or false"),
        (
            "[profiles.hedge]\nkeyring = true\nprivate_key_file = 'a.pem'",
            "profiles.hedge.keyring: an API key has only one key; remove this or private_key_file",
        ),
    ],
)
def test_invalid_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], write: Write, text: str, said: str
) -> None:
    """An error names file, key and what was expected, in one line, and shows no value that may be a secret."""
    file = write(text)
    monkeypatch.setenv("BINANCE_PROFILE", "hedge")

    for command in (["balance"], ["doctor"], ["call", "account_information"]):
        code, out, err = here(capsys, *command)

        assert (2, "", 1) == (code, out, err.count("\n"))
        assert err.startswith(f"binance-coinm: ConfigurationError: {file}: {said}")
        assert "hidden" not in err


def test_missing_files(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    sandbox: Sandbox,
    write: Write,
    account: Account,
) -> None:
    """A file that does not exist is named: the configuration, or a private key."""
    file = write(profile_of(sandbox, account, "private_key_file = 'hedge.pem'"))
    err = here(capsys, "balance", "--profile", "hedge").err
    assert f"profile hedge: private_key_file: there is no file {file.parent / 'hedge.pem'}" in err

    monkeypatch.setenv("BINANCE_COINM_CONFIG", str(tmp_path / "other.toml"))
    code, out, err = here(capsys, "balance", "--profile", "hedge")
    assert (2, "") == (code, out)
    assert err.endswith(f": {tmp_path / 'other.toml'}: cannot be read (No such file or directory)\n")


def test_no_profile(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], write: Write) -> None:
    """Without a profile the file is not read; --sandbox needs none, and cannot be combined with one."""
    write("no TOML")

    assert 0 == here(capsys, "balance", "--sandbox").code
    assert (
        "--sandbox and --profile cannot be used together" in here(capsys, "doctor", "--sandbox", "--profile", "a").err
    )
    monkeypatch.setenv("BINANCE_PROFILE", "")
    assert "no credentials: BINANCE_API_KEY is not set" in here(capsys, "balance").err


def test_file_of_the_documentation(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], write: Write
) -> None:
    """The file that the command reference shows is valid; here, only key file and keyring are missing."""
    [text] = [block.text for block in blocks_of(ROOT / "docs/reference/command.md") if "[profiles" in block.text]
    write(text)
    monkeypatch.setitem(sys.modules, "keyring", None)

    assert "there is no file" in here(capsys, "balance", "--profile", "hedge").err
    assert "needs keyring" in here(capsys, "balance", "--profile", "demo").err
