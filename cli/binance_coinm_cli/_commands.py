"""What can be typed: click reads it, and what it asks for is run outside of click."""

import os
import sys
from collections.abc import Callable
from contextlib import closing
from typing import Any, TypeVar

import click
from binance_coinm import __version__
from binance_coinm.client import DEFAULT_TIMEOUT
from binance_coinm.errors import BinanceError, ConfigurationError
from binance_signing import Server

from ._balance import Form, Settings, balance, one_line
from ._doctor import examine
from ._exit_codes import TEXT, ExitCode
from ._steps import Way
from ._target import target
from ._terminal import give_up_output, is_terminal, prepare_streams, tell

F = TypeVar("F", bound=Callable[..., Any])
_Command = Callable[[], ExitCode]
_A_DAY = 86_400


def run(arguments: list[str] | None) -> int:
    """Run what was typed, by default as arguments of the process; return the exit code."""
    prepare_streams()
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        if is_terminal(sys.stderr):
            # The terminal shows ^C, and the shell is to begin a new line.
            sys.stderr.write("\n")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        give_up_output()
        return ExitCode.NO_READER
    except OSError as error:
        give_up_output()
        tell(error.strerror or str(error))
        return ExitCode.WRONG
    return code


def _run(arguments: list[str] | None) -> int:
    try:
        # What click does itself, such as --help, it ends with an exit code.
        command: _Command | int = _group.main(arguments, "binance-coinm", standalone_mode=False)
        return command if isinstance(command, int) else command()
    except click.Abort:
        raise KeyboardInterrupt from None
    except click.UsageError as error:
        command_path = error.ctx.command_path if error.ctx else "binance-coinm"
        tell(f"{error.format_message().rstrip('.')}; see {command_path} --help")
        return ExitCode.USAGE
    except ConfigurationError as error:
        tell(one_line(error))
        return ExitCode.USAGE
    except BinanceError as error:
        tell(f"{one_line(error)} (binance-coinm doctor looks closer)")
        return ExitCode.WRONG


def _server(_context: click.Context, _option: click.Parameter, given: str | None) -> str | None:
    try:
        return None if given is None else Server.named(given)
    except ValueError as error:
        raise click.BadParameter(f"{error}, got {given!r}") from None


def _from(least: float) -> Callable[[click.Context, click.Parameter, float | None], float | None]:
    def checked(_context: click.Context, _option: click.Parameter, given: float | None) -> float | None:
        if given is None or least <= given <= _A_DAY:
            return given
        raise click.BadParameter(f"expected {least:g} to {_A_DAY} seconds, got {given:g}")

    return checked


def _with_target(function: F) -> F:
    """Add the options that say whom to call, and for how long."""
    options = (
        click.option(
            "--server",
            callback=_server,
            metavar="NAME|URL",
            help="production, demo, testnet, or a URL; otherwise BINANCE_SERVER says it, else it is production.",
        ),
        click.option(
            "--timeout",
            type=float,
            callback=_from(0.001),
            metavar="SECONDS",
            default=DEFAULT_TIMEOUT,
            show_default=True,
            help="For each call, name resolution included.",
        ),
        click.option(
            "--sandbox", "use_sandbox", is_flag=True, help="Bring an exchange along on this machine; no account needed."
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    invoke_without_command=True,
    epilog=TEXT,
)
@click.version_option(__version__)
@click.pass_context
def _group(context: click.Context) -> _Command:
    """Balances of Binance's COIN-M futures.

    API key and secret come from the environment: BINANCE_API_KEY, and BINANCE_API_SECRET or BINANCE_PRIVATE_KEY_FILE
    (and BINANCE_PRIVATE_KEY_PASSWORD).
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
    return lambda: ExitCode.USAGE


@_group.command("balance", epilog=TEXT)
@_with_target
@click.option("--all", "show_zero", is_flag=True, help="Do not fold assets away of which there is nothing.")
@click.option("--json", "as_json", is_flag=True, help="All rows for programs, one line of JSON; amounts are strings.")
@click.option("--csv", "as_csv", is_flag=True, help="All rows for programs, as CSV.")
@click.option(
    "--watch",
    type=float,
    callback=_from(0.1),
    metavar="SECONDS",
    help="Look again and again, and show what changed; with --json, another line when something did.",
)
def _balance(  # noqa: PLR0913, an option each
    *,
    server: str | None,
    timeout: float,
    use_sandbox: bool,
    show_zero: bool,
    as_json: bool,
    as_csv: bool,
    watch: float | None,
) -> _Command:
    """Show the balances of the account.

    A terminal that is too narrow for a table shows the amounts one below the other.
    """
    _refuse_together(use_sandbox and "--sandbox", server and "--server")
    _refuse_together(as_json and "--json", as_csv and "--csv")
    _refuse_together(as_csv and "--csv", watch is not None and "--watch")
    form: Form = "json" if as_json else "csv" if as_csv else "table"

    def command() -> ExitCode:
        with target(server, timeout, use_sandbox=use_sandbox) as whom:
            return balance(whom, Settings(form, show_zero, watch))

    return command


@_group.command("doctor", epilog=TEXT, short_help="Look at each step of a call.")
@_with_target
def _doctor(*, server: str | None, timeout: float, use_sandbox: bool) -> _Command:
    """Go the way of a call step by step, and say at each what was found.

    From the credentials over name resolution, connection and clock to the exchange's answer; what fails is told with
    what to do about it. Neither secret nor signature is shown, and of the API key as much as tells it from others.
    """
    _refuse_together(use_sandbox and "--sandbox", server and "--server")
    server_from = "--server" if server else "BINANCE_SERVER" if "BINANCE_SERVER" in os.environ else "the default"

    def command() -> ExitCode:
        with target(server, timeout, use_sandbox=use_sandbox) as whom, closing(Way(whom, server_from)) as way:
            return examine(way)

    return command


def _refuse_together(*options: str | bool | None) -> None:
    given = [option for option in options if option]
    if len(given) > 1:
        raise click.UsageError(f"{' and '.join(map(str, given))} exclude each other", click.get_current_context())
