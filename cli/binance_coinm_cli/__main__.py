"""Entry point: the console script `binance-coinm`, and `python -m binance_coinm_cli`."""

import sys

from binance_coinm_cli import ExitCode

_EXTRA = ("click", "rich")


def main(arguments: list[str] | None = None) -> int:
    """Run the command with these arguments, by default those of the process; return its exit code."""
    try:
        # Imported here, so that a missing library is reported in one line.
        from binance_coinm_cli._app import run  # noqa: PLC0415
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
