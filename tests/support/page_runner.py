"""Pages of Markdown, followed to the letter: in an empty folder, in a shell and in Python."""

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from itertools import count
from pathlib import Path
from shlex import quote

from support.constants import ROOT
from support.markdown_blocks import Block, blocks_of

SECONDS = 120
# What a page cannot know: where the reader's clone is.
CLONE = "/path/to/binance-coinm"
PASSWORD = "its-password"
# What differs each time: ports, random keys, and how long tests take.
VARYING = re.compile(
    r"(?<=127\.0\.0\.1:)\d+|(?<=KEY=)\w{64}|(?<=SECRET=)\w{64}|(?<=KEY = ')\w{64}|(?<=SECRET = ')\w{64}|\d+\.\d+(?=s\b)"
)
_END = "(end of a block)"
# Python as a reader has it open: it runs one file after another, and keeps their names.
_SESSION = f"""
import sys
from pathlib import Path
names = {{"__name__": "__main__"}}
while path := sys.stdin.readline().strip():
    exec(compile(Path(path).read_text(), path, "exec"), names)
    print({_END!r}, flush=True)
"""


def clean_environment() -> dict[str, str]:
    """Return the environment of a reader: without settings, with this Python; only this machine can be reached."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("BINANCE_", "PYTHON"))}
    return kept | {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "PYTHONWARNINGS": "error",
        # The plugins that a reader has, who has installed no more.
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTEST_ADDOPTS": "-p binance_sandbox -W error",
    }


def follow(page: Path, folder: Path, scratch: Path, environment: dict[str, str], *, with_pip: bool = False) -> None:
    """Do what a page says, block by block, in an empty folder; compare what is printed with the output that it shows.

    Shell blocks are commands of one shell. Programs and documents that the page says to save become files; all other
    programs run in one Python, in turn. A text block right below is the output. The sandbox of `python -m
    binance_sandbox` runs until the end, and the lines that it prints are entered. `pip` installs only `with_pip`;
    otherwise everything is there already. `scratch` is a folder for the files of this function.
    """
    blocks = [block for block in blocks_of(page) if block.language in {"sh", "python", "yaml", "text"}]
    script = scratch / "script.sh"
    script.write_text("\n".join(_commands(page.name, blocks, scratch, with_pip=with_pip)))

    with (scratch / "output").open("w+") as output, (scratch / "errors").open("w+") as errors:
        process = subprocess.Popen(
            ["bash", "-e", script],  # noqa: S607, found as readers find it
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=errors,
            start_new_session=True,
        )
        try:
            code = process.wait(timeout=SECONDS)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        output.seek(0)
        errors.seek(0)
        printed = output.read().split(f"{_END}\n")
        told = errors.read()

    for number, block in enumerate(blocks):
        place = f"{page.name}, line {block.line}"
        assert number < len(printed) - 1, f"{place}: exit code {code}: {printed[-1]}{told}"
        following = blocks[number + 1] if number + 1 < len(blocks) else None
        shown = following.text if following and is_output(following) else None
        if block.language == "python" or (block.language == "sh" and shown is not None):
            assert _comparable(shown or "") == _comparable(printed[number]), place
    assert 0 == code, told


def _comparable(text: str) -> list[str]:
    """Return the lines of a text without what differs each time, and without the space at their ends."""
    return [line.rstrip() for line in VARYING.sub("…", text).splitlines()]


def is_output(block: Block) -> bool:
    """Return True if a block shows the output of the commands or the program just above it."""
    return block.language == "text" and not block.prose.strip()


def _commands(name: str, blocks: list[Block], scratch: Path, *, with_pip: bool) -> list[str]:
    """Return the lines of the script that follows a page."""
    lines = [] if with_pip else ["pip() { :; }"]
    pipes = count()
    for block in blocks:
        source = scratch / f"{name}-line-{block.line}"
        source.write_text(block.text)
        if block.language == "sh":
            lines += [line for command in block.text.splitlines() for line in _shell(command, scratch, next(pipes))]
        elif block.language in {"python", "yaml"} and block.file_name:
            lines.append(f"cp {quote(str(source))} {block.file_name}")
        elif block.language == "python":
            lines += _session(str(source), scratch)
        lines.append(f"echo '{_END}'")
    # An empty line ends Python; the end of its input could not, because sandboxes have inherited the pipe.
    return [*lines, 'if [ -n "$session" ]; then echo >&8; wait $session; fi']


def _shell(command: str, scratch: Path, number: int) -> list[str]:
    """Return what runs a line of a shell block."""
    if command.startswith("python -m binance_sandbox"):
        pipe = quote(str(scratch / f"sandbox-{number}"))
        return [
            f"mkfifo {pipe}",
            f"{command} > {pipe} &",
            f"lines=$(dd bs=65536 count=1 status=none < {pipe})",
            'echo "$lines"',
            'eval "$lines"',
        ]
    if command.startswith("python -i "):
        return _session(command.removeprefix("python -i "), scratch)
    if command.startswith("openssl"):
        # It asks for the password, and once more for a new one.
        return [f"printf '{PASSWORD}\\n{PASSWORD}\\n' | {command}"]
    return [command.replace(CLONE, str(ROOT))]


def _session(source: str, scratch: Path) -> list[str]:
    """Return what runs a file in the page's Python, which begins with the first one."""
    to, back = (quote(str(scratch / name)) for name in ("to-python", "from-python"))
    return [
        'if [ -z "$session" ]; then',
        f"mkfifo {to} {back}",
        f"python -c {quote(_SESSION)} < {to} > {back} &",
        f"session=$!; exec 8> {to} 9< {back}",
        "fi",
        f"echo {quote(source)} >&8",
        "while true; do",
        "IFS= read -r line <&9",
        f"if [ \"$line\" = '{_END}' ]; then break; fi",
        'echo "$line"',
        "done",
    ]
