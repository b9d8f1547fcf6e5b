"""Shell completion: what a shell offers, and the script that enables it."""

from collections.abc import Iterable

import click
from click.shell_completion import BashComplete, CompletionItem, FishComplete, ZshComplete, add_completion_class

from ._operations import choices, find_name, load_operations


class _Bash(BashComplete):
    """bash, without a space after NAME=."""

    source_template = BashComplete.source_template.replace(
        "COMPREPLY+=($value)", "COMPREPLY+=($value); [[ $value != *= ]] || compopt -o nospace"
    )


_SHELLS = {"bash": _Bash, "zsh": ZshComplete, "fish": FishComplete}


def register() -> None:
    """Register the completion for bash with click, in place of click's own."""
    add_completion_class(_Bash)


def script_for(shell: str, cli: click.Command, variable: str) -> str:
    """Return the lines that let a shell complete the command; `variable` is set when the shell asks for completions."""
    return _SHELLS[shell](cli, {}, "binance-coinm", variable).source()


def complete_operation(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the operations that a shell offers."""
    return [
        CompletionItem(name, help=operation.summary)
        for name, operation in load_operations().items()
        if name.startswith(incomplete)
    ]


def complete_argument(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return what a shell offers for NAME=VALUE: the names that are not given yet, or values that can be listed."""
    name = find_name(context.params.get("operation") or "", load_operations())
    if name is None:
        return []
    parameters = load_operations()[name].parameters
    words: list[str] = list(context.params.get("arguments") or ())
    typed, equals, start = incomplete.partition("=")
    prefix = typed + equals
    if not equals and (split := _split_by_bash(words, parameters)):
        typed, equals, start, prefix = split, "=", incomplete, ""
    if not equals:
        # A word after "=" is a value, not a name.
        pairs = zip(["", *words], words, strict=False)
        given = {find_name(word.partition("=")[0], parameters) for before, word in pairs if before != "="}
        return [CompletionItem(f"{name}=") for name in parameters if name.startswith(typed) and name not in given]
    found = find_name(typed, parameters)
    values = choices(parameters[found].annotation) if found else {}
    return [CompletionItem(prefix + value) for value in values if value.startswith(start)]


def _split_by_bash(words: list[str], parameters: Iterable[str]) -> str | None:
    """Return the name whose value is completed if NAME, = and VALUE are words of their own, as bash has them."""
    if words[-1:] == ["="]:
        return words[-2] if len(words) > 1 else None
    # click drops a "=" that is the last word.
    is_name = words and words[-2:-1] != ["="] and find_name(words[-1], parameters)
    return words[-1] if is_name else None
