"""`binance-coinm doctor`: the way of a call, shown step by step."""

from rich.console import Console
from rich.text import Text

from ._exit_codes import ExitCode
from ._finding import Finding, Result, taken
from ._steps import STEPS, Way
from ._terminal import busy, console
from ._text import printable

_MARKS = {
    Result.WELL: ("ok", "green"),
    Result.FAILED: ("FAILED", "bold red"),
    Result.MISCONFIGURED: ("FAILED", "bold red"),
    Result.NOT_TRIED: ("not tried", "yellow"),
}
_INDENT = max(len(mark) for mark, _ in _MARKS.values()) + 2


def examine(way: Way) -> ExitCode:
    """Make all steps, and show what each found as soon as it is known."""
    screen, findings = console(), dict[str, Finding]()
    for step in STEPS:
        with busy(screen, step.title):
            finding = taken(step, way, findings)
        findings[step.title] = finding
        _show(step.title, finding, screen)
    wrong = [title for title, finding in findings.items() if finding.result in (Result.FAILED, Result.MISCONFIGURED)]
    screen.print()
    if not wrong:
        screen.print(Text("all is well", "green"))
        return ExitCode.WELL
    screen.print(Text(f"something is wrong: {', '.join(wrong)}", "bold red"))
    is_misconfigured = any(finding.result is Result.MISCONFIGURED for finding in findings.values())
    return ExitCode.USAGE if is_misconfigured else ExitCode.WRONG


def _show(title: str, finding: Finding, screen: Console) -> None:
    mark, style = _MARKS[finding.result]
    lines = Text.assemble((title, "bold"), f": {printable(finding.found)}")
    for word, text in (("expected", finding.expected), ("to do", finding.to_do)):
        if text:
            lines.append(f"\n{word}: {printable(text)}")
    start = Text(mark.ljust(_INDENT), style)
    for line in lines.wrap(screen, max(screen.width - _INDENT, _INDENT), overflow="fold"):
        line.rstrip()
        screen.print(Text.assemble(start, line))
        start = Text(" " * _INDENT)
