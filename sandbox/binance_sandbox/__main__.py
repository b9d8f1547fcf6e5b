"""The sandbox on the command line: `python -m binance_sandbox`."""

import argparse
import signal
import sys
from threading import Event


def main(arguments: list[str] | None = None) -> int:
    """Serve until Ctrl-C or SIGTERM; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m binance_sandbox", description="The exchange's side on loopback.")
    parser.add_argument("--port", type=int, default=0, help="port of 127.0.0.1 (default: any that is free)")
    port = parser.parse_args(arguments).port
    # Set both: a shell starts programs in the background with SIGINT ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        # What is missing for it is told in one line, so it is not imported above.
        from binance_sandbox import Sandbox  # noqa: PLC0415

        with Sandbox(port=port) as sandbox:
            lines = {
                "BINANCE_SERVER": sandbox.url,
                "BINANCE_API_KEY": sandbox.account.api_key,
                "BINANCE_API_SECRET": sandbox.account.secret,
            }
            text = "\n".join(f"export {name}={value}" for name, value in lines.items())
            sys.stdout.write(f"# The sandbox answers at {sandbox.url} until Ctrl-C. For a client of it:\n{text}\n")
            sys.stdout.flush()
            Event().wait()
    except KeyboardInterrupt:
        return 0
    except (ImportError, OSError, ValueError) as error:
        sys.stderr.write(f"binance_sandbox: {error}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
