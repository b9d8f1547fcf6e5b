"""The command `python -m binance_sandbox`."""

import argparse
import signal
import sys
from threading import Event
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._sandbox import Sandbox


def environment_of(sandbox: "Sandbox") -> dict[str, str]:
    """Return the variables that name a sandbox and its first account."""
    return {
        "BINANCE_SERVER": sandbox.url,
        "BINANCE_API_KEY": sandbox.account.api_key,
        "BINANCE_API_SECRET": sandbox.account.secret or "",
    }


def main(arguments: list[str] | None = None) -> int:
    """Serve until Ctrl-C or SIGTERM; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m binance_sandbox", description="Run the exchange on loopback, for tests."
    )
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (default: any free port)")
    parser.add_argument(
        "--account",
        action="append",
        metavar="KEY:SECRET",
        help="API key and HMAC secret of an account, made up for tests; may be repeated (default: random ones)",
    )
    options = parser.parse_args(arguments)
    pairs = [account.partition(":") for account in options.account or ()]
    if not all(key and secret for key, _, secret in pairs):
        # The error of a type= of argparse would show the secret.
        parser.error("argument --account: expected an API key and a secret with a colon between them, KEY:SECRET")
    # Both are set because shells start background programs with SIGINT ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        # Imported here so that a missing dependency is reported in one line.
        from binance_sandbox import Account, Sandbox  # noqa: PLC0415
        from binance_sandbox._sandbox import example_responses  # noqa: PLC0415
        from binance_sandbox._spec import load_spec  # noqa: PLC0415

        responses = example_responses(load_spec()) if pairs else None
        accounts = [Account(key, secret=secret, responses=responses) for key, _, secret in pairs]
        with Sandbox(port=options.port, accounts=accounts or None) as sandbox:
            variables = environment_of(sandbox).items()
            sys.stdout.write(f"# The sandbox runs at {sandbox.url} until Ctrl-C. To use it from a client:\n")
            sys.stdout.writelines(f"export {name}={value}\n" for name, value in variables)
            sys.stdout.write("# Or in PowerShell:\n")
            sys.stdout.writelines(f"$env:{name} = '{value}'\n" for name, value in variables)
            sys.stdout.flush()
            Event().wait()
    except KeyboardInterrupt:
        return 0
    except (ImportError, OSError, ValueError) as error:
        sys.stderr.write(f"binance_sandbox: {error}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
