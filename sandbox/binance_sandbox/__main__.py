"""The command `python -m binance_sandbox`."""

import argparse
import signal
import sys
from pathlib import Path
from shlex import quote
from threading import Event

from binance_sandbox.environment import environment_of


def main(arguments: list[str] | None = None) -> int:
    """Serve until Ctrl-C or SIGTERM; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m binance_sandbox", description="Run the exchange on loopback, for tests."
    )
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (default: any free port)")
    parser.add_argument(
        "--account",
        action="append",
        default=[],
        metavar="KEY:SECRET",
        help="API key and HMAC secret of an account, made up for tests; may be repeated (default: random ones)",
    )
    parser.add_argument(
        "--public-key",
        action="append",
        default=[],
        metavar="KEY:FILE",
        help="API key and the file of the public key (PEM) of an account that signs with a private key, Ed25519 or RSA;"
        " may be repeated",
    )
    parser.add_argument("--document", type=Path, metavar="FILE", help="OpenAPI document (default: this package's own)")
    options = parser.parse_args(arguments)
    with_secret = [account.partition(":")[::2] for account in options.account]
    if not all(key and secret for key, secret in with_secret):
        # The error of a type= of argparse would show the secret.
        parser.error("argument --account: expected an API key and a secret with a colon between them, KEY:SECRET")
    with_public_key = [account.partition(":")[::2] for account in options.public_key]
    if not all(key and file for key, file in with_public_key):
        parser.error("argument --public-key: expected an API key and a file with a colon between them, KEY:FILE")
    # Both are set because shells start background programs with SIGINT ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        # Imported here so that a missing dependency is reported in one line.
        from binance_sandbox import Account, Sandbox  # noqa: PLC0415
        from binance_sandbox._sandbox import example_responses  # noqa: PLC0415
        from binance_sandbox._spec import load_spec  # noqa: PLC0415

        responses = example_responses(load_spec(options.document))
        accounts = [Account(key, secret=secret, responses=responses) for key, secret in with_secret] + [
            Account(key, public_key_pem=Path(file).read_bytes(), responses=responses) for key, file in with_public_key
        ]
        with Sandbox(port=options.port, document=options.document, accounts=accounts or None) as sandbox:
            variables = environment_of(sandbox).items()
            lines = [f"# The sandbox runs at {sandbox.url} until Ctrl-C. To use it from a client:"]
            lines += [f"export {name}={quote(value)}" for name, value in variables]
            if sandbox.account.secret is None:
                lines.append("# Set BINANCE_PRIVATE_KEY_FILE to the path of the private key.")
            # A comment, so that a shell can run the whole text.
            powershell = ["$env:{} = '{}'".format(name, value.replace("'", "''")) for name, value in variables]
            lines.append(f"# In PowerShell: {'; '.join(powershell)}")
            sys.stdout.write("\n".join(lines) + "\n")
            sys.stdout.flush()
            Event().wait()
    except KeyboardInterrupt:
        return 0
    except (ImportError, OSError, ValueError) as error:
        sys.stderr.write(f"binance_sandbox: {error}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
