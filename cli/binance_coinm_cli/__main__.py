"""The way in: the console script `binance-coinm`, and `python -m binance_coinm_cli`."""

import sys

from binance_coinm_cli._exit_codes import ExitCode

_EXTRA = ("click", "rich")


def main(arguments: list[str] | None = None) -> int:
    """Run the command with these arguments, by default those of the process; return its exit code."""
    try:
        # What is missing for it is told in one line, so it is not imported above.
        from binance_coinm_cli._commands import run  # noqa: PLC0415
    except ModuleNotFoundError as error:
        library = str(error.name).partition(".")[0]
        if library not in _EXTRA:
            raise
        sys.stderr.write(f"binance-coinm needs {library}, which is not installed: pip install 'binance-coinm[cli]'\n")
        return ExitCode.USAGE
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
