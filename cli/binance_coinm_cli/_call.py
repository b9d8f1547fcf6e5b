"""`binance-coinm call` and `binance-coinm operations`: all operations of the document."""

import sys
from collections.abc import Sequence
from typing import Any, cast, get_args

import click
from rich.table import Column
from rich.text import Text

from . import ExitCode
from ._operations import Operation, build_request, find_operation, load_operations, no_such_operation, parse_arguments
from ._output import echo_error, escape_control_chars, is_terminal, stdout_console
from ._records import (
    OutputFormat,
    field_names,
    fields,
    print_record,
    print_records,
    print_table,
    to_json,
    write_csv,
)
from ._target import Target, server_label


class Call:
    """A call whose arguments are checked; raises click.UsageError for what cannot be sent or confirmed."""

    def __init__(self, name: str, texts: Sequence[str], *, is_confirmed: bool) -> None:
        """Check operation and arguments, and whether somebody can be asked if that is needed."""
        self._operation = find_operation(name)
        self._arguments = parse_arguments(self._operation, texts)
        self._request = build_request(self._operation, self._arguments)
        self._security = self._request["extensions"]["security"]
        self._is_confirmed = is_confirmed or not self._security.trades
        if not self._is_confirmed and not (is_terminal(sys.stdin) and is_terminal(sys.stderr)):
            raise click.UsageError(
                f"nothing was sent: {self._operation.name} may change the account, and there is no terminal to ask;"
                " --yes sends it without asking"
            )

    def run(self, target: Target, output_format: OutputFormat) -> ExitCode:
        """Ask if that is needed, call the operation, and show the response; raises BinanceError."""
        with target.client_for(self._security) as client:
            if not self._is_confirmed and not self._ask(server_label(client.base_url)):
                echo_error("nothing was sent")
                return ExitCode.FAILURE
            response = self._operation.module.sync(client=client, **self._arguments)
        _print_response(response, self._operation, output_format)
        return ExitCode.OK

    def _ask(self, server: str) -> bool:
        # Asked on stderr, because stdout may be a file.
        click.echo(f"{self._request['method']} {self._request['url']}, to {server}", err=True)
        params: dict[str, Any] = self._request["params"] or {}
        for name, value in params.items():
            text = value if isinstance(value, str) else to_json(value)
            click.echo(f"  {name}={escape_control_chars(text)}", err=True)
        return click.confirm("Send it?", err=True)


def list_operations(selection: str | None, output_format: OutputFormat) -> ExitCode:
    """Show the operations of a tag, those whose name contains a text, or a single one with its parameters."""
    operations = load_operations()
    if selection in operations:
        shown = [operations[selection]]
    else:
        shown = [
            item for item in operations.values() if not selection or selection == item.tag or selection in item.name
        ]
    if not shown:
        raise no_such_operation(selection or "")
    if output_format == "json":
        sys.stdout.write(to_json([_operation_fields(operation) for operation in shown]) + "\n")
    elif output_format == "csv":
        write_csv((), [_operation_fields(operation) for operation in shown])
    elif selection in operations:
        _print_operation(shown[0])
    else:
        _print_operations(shown)
    return ExitCode.OK


def _print_operations(shown: Sequence[Operation]) -> None:
    console = stdout_console()
    rows = [
        (Text(item.name, "bold"), f"{item.method} {item.path}", item.security, _weights(item.weight), item.summary)
        for item in shown
    ]
    headers = ("operation", "request", "security", "weight", "summary")
    if not print_table([Column(header, no_wrap=True) for header in headers], rows, console):
        folded = [
            (Text.assemble(name, f"\n{request}\n", (summary, "dim")), security, weight)
            for name, request, security, weight, summary in rows
        ]
        print_table([Column(header, no_wrap=True) for header in ("operation", "security", "weight")], folded, console)


def _operation_fields(operation: Operation) -> dict[str, Any]:
    names = ("name", "tag", "method", "path", "security", "weight", "summary")
    return {name: getattr(operation, name) for name in names} | {"parameters": operation.describe_parameters()}


def _print_operation(operation: Operation) -> None:
    console = stdout_console()
    described = _operation_fields(operation)
    parameters = described.pop("parameters")
    print_record(described | {"weight": _weights(operation.weight)}, console)
    console.print()
    if parameters:
        print_records(parameters, console)
    else:
        console.print(Text("no parameters"))


def _weights(weight: Any) -> str:
    """Return the weight of an operation, or the least and the greatest if it depends on a parameter."""
    values = sorted(_numbers(weight))
    return "-".join(map(str, dict.fromkeys((values[0], values[-1]))))


def _numbers(weight: Any) -> list[int]:
    if isinstance(weight, int):
        return [weight]
    return [number for item in weight.values() if not isinstance(item, str) for number in _numbers(item)]


def _print_response(response: Any, operation: Operation, output_format: OutputFormat) -> None:
    if output_format == "json":
        sys.stdout.write(to_json(response) + "\n")
        return
    is_list = isinstance(response, list)
    rows = cast("list[Any]", response) if is_list else [response]
    records = [fields(row) for row in rows]
    if output_format == "csv":
        row_type = get_args(operation.response_type)[0] if is_list else operation.response_type
        write_csv(field_names(row_type), records)
        return
    console = stdout_console()
    if not any(records):
        console.print(Text("no rows" if is_list else "the response is empty"))
    elif is_list:
        print_records(records, console)
    else:
        print_record(records[0], console)
