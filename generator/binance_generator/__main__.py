"""Run the generator as `python -m binance_generator`."""

import sys

from binance_generator import MISSING_EXTRA


def main() -> None:
    """Run the command with the command-line arguments."""
    try:
        from binance_generator.command import generate  # noqa: PLC0415, a missing click is reported without a traceback
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        sys.exit(MISSING_EXTRA)
    generate(prog_name="python -m binance_generator")


if __name__ == "__main__":
    main()
