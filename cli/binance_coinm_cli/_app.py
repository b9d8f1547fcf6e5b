"""Command line of `binance-coinm`: click parses it, and the command runs after click has returned."""

import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, get_args

import click
from binance_client.base_client import DEFAULT_TIMEOUT
from binance_client.policy.deadline import SECONDS_PER_DAY
from binance_coinm import Server, __version__
from binance_coinm.errors import BinanceError, ConfigurationError
from binance_generator.command import generate

from . import ExitCode
from ._balance import Settings, balance
from ._doctor import run_doctor
from ._output import describe, detach_stdout, echo_error, is_terminal, is_without_credentials, message, prepare_streams
from ._records import OutputFormat
from ._target import Target, open_target

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

# Called after click has returned, because click would handle Ctrl+C and a closed pipe in its own way.
_Command = Callable[[], int]
_CommandFunction = Callable[..., _Command]
_OpenTarget = Callable[[], AbstractContextManager[Target]]
EXIT_CODES = {
    ExitCode.OK: "success",
    ExitCode.FAILURE: "a call failed or was not confirmed, or a check of doctor failed",
    ExitCode.USAGE: "invalid usage or configuration",
    ExitCode.INTERRUPTED: "interrupted by Ctrl+C, which is how --watch ends",
    ExitCode.BROKEN_PIPE: "stdout was closed by the reader (SIGPIPE)",
}
# Click's name: that of the command in capitals.
_COMPLETION_VARIABLE = "_BINANCE_COINM_COMPLETE"
# The \b keeps click from rewrapping the lines.
_EPILOG = "\b\nExit codes:\n" + "\n".join(f"{code:5}  {meaning}" for code, meaning in EXIT_CODES.items())


def run(arguments: list[str] | None) -> int:
    """Run the command with these arguments, by default those of the process; return the exit code."""
    prepare_streams()
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        if is_terminal(sys.stderr):
            # End the line on which the terminal shows ^C.
            sys.stderr.write("\n")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        detach_stdout()
        return ExitCode.BROKEN_PIPE
    except OSError as error:
        detach_stdout()
        echo_error(error.strerror or str(error))
        return ExitCode.FAILURE
    return code


def _run(arguments: list[str] | None) -> int:
    try:
        if _COMPLETION_VARIABLE in os.environ:
            from ._completion import register  # noqa: PLC0415, only a shell needs it

            register()
        # For --help and the like click returns an exit code; `generate` has run when click returns.
        command: _Command | int | None = cli.main(arguments, "binance-coinm", standalone_mode=False)
        return command() if callable(command) else command or ExitCode.OK
    except click.Abort:
        raise KeyboardInterrupt from None
    except click.UsageError as error:
        where = f"; see {error.ctx.command_path} --help" if error.ctx else ""
        echo_error(error.format_message().rstrip(".") + where)
        return ExitCode.USAGE
    except click.ClickException as error:
        for line in error.format_message().splitlines():
            echo_error(line)
        return ExitCode.FAILURE
    except ConfigurationError as error:
        if is_without_credentials(error):
            echo_error(message(error))
            echo_error("to try it without an account, add --sandbox")
            echo_error("to check your settings, run binance-coinm doctor")
        else:
            echo_error(describe(error))
        return ExitCode.USAGE
    except BinanceError as error:
        echo_error(f"{describe(error)} (run binance-coinm doctor for details)")
        return ExitCode.FAILURE


def _parse_server(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    try:
        return None if value is None else Server.from_name(value)
    except ValueError as error:
        raise click.BadParameter(f"{error}, got {value!r}") from None


# Instead of click.FloatRange, which accepts NaN.
def _at_least(minimum: float) -> Callable[[click.Context, click.Parameter, float | None], float | None]:
    def check(_context: click.Context, _option: click.Parameter, value: float | None) -> float | None:
        if value is None or minimum <= value <= SECONDS_PER_DAY:
            return value
        raise click.BadParameter(f"expected {minimum:g} to {SECONDS_PER_DAY} seconds, got {value:g}")

    return check


def _target_options(function: _CommandFunction) -> _CommandFunction:
    """Add the options that select server, account and timeout; the command gets `open_target` instead."""

    @wraps(function)
    def command(
        *,
        server: str | None,
        profile: str | None,
        timeout: float,
        use_sandbox: bool,
        verbosity: int,
        **options: Any,
    ) -> _Command:
        _reject_both(use_sandbox and "--sandbox", (server and "--server") or (profile and "--profile"))
        target = partial(open_target, server, timeout, profile=profile, use_sandbox=use_sandbox, verbosity=verbosity)
        return function(open_target=target, **options)

    target_options = (
        click.option(
            "--server",
            callback=_parse_server,
            metavar="NAME|URL",
            help="production, demo, testnet, or a URL. Default: BINANCE_SERVER, or else production.",
        ),
        click.option(
            "--profile",
            metavar="NAME",
            help="Server and account with this name in the configuration file. Default: BINANCE_PROFILE, if it is set.",
        ),
        click.option(
            "--timeout",
            type=float,
            callback=_at_least(0.001),
            metavar="SECONDS",
            default=DEFAULT_TIMEOUT,
            show_default=True,
            help="Time limit of each call, including DNS.",
        ),
        click.option("--sandbox", "use_sandbox", is_flag=True, help="Call a local sandbox; no account needed."),
        click.option(
            "-v",
            "--verbose",
            "verbosity",
            count=True,
            help="Write to stderr what the SDK does besides: retries, waits, the clock; twice: each response too.",
        ),
    )
    for option in reversed(target_options):
        command = option(command)
    return command


def _output_options(function: _CommandFunction) -> _CommandFunction:
    """Add the options that select the form of the output; the command gets `output_format` instead."""

    @click.option(
        "-o", "--output", type=click.Choice(get_args(OutputFormat)), help="Form of the output.  [default: table]"
    )
    @click.option("--json", "as_json", is_flag=True, help="Like --output json: one line, with all fields.")
    @click.option("--csv", "as_csv", is_flag=True, help="Like --output csv: in UTF-8, with all fields.")
    @wraps(function)
    def command(*, output: OutputFormat | None, as_json: bool, as_csv: bool, **options: Any) -> _Command:
        _reject_both(as_json and "--json", as_csv and "--csv")
        _reject_both(output and "--output", (as_json and "--json") or (as_csv and "--csv"))
        return function(output_format="json" if as_json else "csv" if as_csv else output or "table", **options)

    return command


class _Group(click.Group):
    """Commands; the words help and version are hints at the options."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return name, command and the other arguments."""
        if args[0] in ("help", "version"):
            ctx.fail(f"{args[0]!r} is an option, not a command: binance-coinm --{args[0]}")
        return super().resolve_command(ctx, args)


@click.group(
    cls=_Group,
    context_settings={"help_option_names": ["-h", "--help"]},
    invoke_without_command=True,
    epilog=_EPILOG,
)
@click.version_option(__version__, "-V", "--version")
@click.pass_context
def cli(context: click.Context) -> _Command:
    """Balances and all other operations of Binance's COIN-M futures.

    API key and secret come from the environment: BINANCE_API_KEY, and BINANCE_API_SECRET or BINANCE_PRIVATE_KEY_FILE
    (and BINANCE_PRIVATE_KEY_PASSWORD); or else from a profile of ~/.config/binance-coinm/config.toml.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
    return lambda: ExitCode.USAGE


@cli.command("balance", epilog=_EPILOG)
@click.argument("assets", metavar="[ASSET]...", nargs=-1)
@_target_options
@_output_options
@click.option("--all", "show_zero", is_flag=True, help="Include assets with a zero balance.")
@click.option("--wide", "is_wide", is_flag=True, help="Show all amounts in the table, and when they last changed.")
@click.option(
    "--watch",
    "interval",
    type=float,
    callback=_at_least(0.1),
    metavar="SECONDS",
    help="Repeat at this interval, and show what changed; with --json, print a new line if something did.",
)
def _balance(  # noqa: PLR0913, one per option
    *,
    assets: tuple[str, ...],
    open_target: _OpenTarget,
    output_format: OutputFormat,
    show_zero: bool,
    is_wide: bool,
    interval: float | None,
) -> _Command:
    """Show the balances of the account.

    Of all assets, or of those that are named, such as BTC ETH.

    On a terminal that is too narrow for a table, each amount is on its own line. JSON and CSV have all fields, and
    amounts with the exchange's digits.
    """
    _reject_both(output_format == "csv" and "CSV output", interval is not None and "--watch")

    def command() -> ExitCode:
        with open_target() as target:
            balance(target, Settings(output_format, show_zero, interval, assets, is_wide))
        return ExitCode.OK

    return command


@cli.command("doctor", epilog=_EPILOG)
@_target_options
def _doctor(*, open_target: _OpenTarget) -> _Command:
    """Check each step of a call, and show what was found.

    Checks credentials, DNS, connection, clock and a balance call, in that order. A failed check says what was expected
    and what to do. Secrets and signatures are never shown, and of the API key only both ends.
    """

    def command() -> ExitCode:
        with open_target() as target:
            return run_doctor(target)

    return command


def _reject_both(first: str | bool | None, second: str | bool | None) -> None:  # noqa: FBT001, the name of an option, or falsy
    if first and second:
        raise click.UsageError(f"{first} and {second} cannot be used together", click.get_current_context())


def _complete_operation(context: click.Context, parameter: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    from ._completion import complete_operation  # noqa: PLC0415, only the commands that need all operations load them

    return complete_operation(context, parameter, incomplete)


def _complete_argument(context: click.Context, parameter: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    from ._completion import complete_argument  # noqa: PLC0415

    return complete_argument(context, parameter, incomplete)


@cli.command("operations", epilog=_EPILOG)
@click.argument("selection", metavar="[TAG|NAME]", required=False, shell_complete=_complete_operation)
@_output_options
def _operations(*, selection: str | None, output_format: OutputFormat) -> _Command:
    """List all operations.

    Or those of a tag, or those with a text in their name; the name of an operation shows its parameters, and so do JSON
    and CSV.
    """

    def command() -> ExitCode:
        from ._call import list_operations  # noqa: PLC0415

        return list_operations(selection, output_format)

    return command


@cli.command("call", epilog=_EPILOG)
@click.argument("operation", shell_complete=_complete_operation)
@click.argument("arguments", metavar="[NAME=VALUE]...", nargs=-1, shell_complete=_complete_argument)
@_target_options
@_output_options
@click.option("--yes", "is_confirmed", is_flag=True, help="Do not ask before an operation that may change the account.")
def _call(
    *,
    operation: str,
    arguments: tuple[str, ...],
    open_target: _OpenTarget,
    output_format: OutputFormat,
    is_confirmed: bool,
) -> _Command:
    """Call an operation, and show its response.

    For example: binance-coinm call kline_candlestick_data symbol=BTCUSD_PERP interval=1h limit=5

    Names can also be written as in the exchange's documentation, such as startTime for start_time. All arguments are
    checked before anything is sent. An operation of the security type TRADE shows what it sends, and asks first. JSON
    is as the exchange has it, with amounts as strings.
    """
    from ._call import Call  # noqa: PLC0415

    # Checked here, so that errors name this command.
    call = Call(operation, arguments, is_confirmed=is_confirmed)

    def command() -> ExitCode:
        with open_target() as target:
            return call.run(target, output_format)

    return command


@cli.command("sandbox", epilog=_EPILOG, context_settings={"allow_interspersed_args": False})
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port on 127.0.0.1.  [default: any free port]")
@click.argument("program", metavar="[-- COMMAND [ARGUMENT]...]", nargs=-1, type=click.UNPROCESSED)
def _sandbox(*, port: int, program: tuple[str, ...]) -> _Command:
    """Run an exchange on this machine; no account needed.

    With a COMMAND, run it with BINANCE_SERVER, BINANCE_API_KEY and BINANCE_API_SECRET set to a new sandbox, and exit as
    it does. Without one, print the lines that set these variables, and serve until Ctrl+C.

    For example: binance-coinm sandbox -- python bot.py
    """

    def command() -> int:
        if program:
            from ._program import run_program  # noqa: PLC0415, needs an optional extra

            return run_program(program, port)
        from binance_sandbox.__main__ import main  # noqa: PLC0415

        return main(["--port", str(port)])

    return command


@cli.command("completion", epilog=_EPILOG)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def _completion(*, shell: str) -> _Command:
    """Print the completion script of a shell.

    It completes commands, options, operations and their arguments. For bash: eval "$(binance-coinm completion bash)"
    """

    def command() -> ExitCode:
        from ._completion import script_for  # noqa: PLC0415

        sys.stdout.write(script_for(shell, cli, _COMPLETION_VARIABLE))
        return ExitCode.OK

    return command


cli.add_command(generate)
