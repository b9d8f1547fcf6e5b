"""examples/task_queue.py."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

from binance_sandbox import Sandbox
from distributed import LocalCluster
from support.example_runner import Ended, account_in, arguments_of, run
from support.recording_proxy import RecordingProxy

# The program itself has no credentials.
PROGRAM_ENVIRONMENT = {"PATH": os.environ["PATH"], "PYTHONWARNINGS": "error"}


@contextmanager
def cluster(environment: dict[str, str]) -> Iterator[str]:
    """Run two workers, each a process with this environment, and return the scheduler's address."""
    workers = LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        env=environment,
        silence_logs=logging.CRITICAL,
    )
    with workers:
        yield workers.scheduler_address


def environment_of_workers(sandbox: Sandbox, *suffixes: str) -> dict[str, str]:
    """Return the variables of the sandbox, its first account, and further accounts with these suffixes."""
    environment = {"BINANCE_SERVER": sandbox.url}
    account_in(environment, sandbox.account)
    for suffix in suffixes:
        account_in(environment, sandbox.add_account(), suffix)
    return environment


def test_workers_have_the_credentials(sandbox: Sandbox) -> None:
    """The workers have the credentials, not the program; a failed account does not affect the others."""
    environment = environment_of_workers(sandbox, "_HEDGE", "_CLOSED", "_SPOT") | {"BINANCE_API_SECRET_CLOSED": "other"}

    with cluster(environment) as scheduler:
        command = arguments_of("task_queue.py", scheduler, "HEDGE", "CLOSED", "HALF", "SPOT")
        code, output, errors = run(sandbox, command, PROGRAM_ENVIRONMENT)

    assert code == 1
    assert output == "HEDGE: 0.00250000 BTC\nSPOT: 0.00250000 BTC\n"
    closed, half = errors.splitlines()
    assert closed.startswith("CLOSED: SignatureError: HTTP 400, code -1022: Signature for this request is not valid.")
    assert half.startswith("HALF: ConfigurationError: secret is empty")


def test_workers_have_a_client_each(sandbox: Sandbox, relay: RecordingProxy) -> None:
    """All accounts of a worker share its one connection."""
    accounts = [f"A{number}" for number in range(20)]
    environment = environment_of_workers(sandbox, *(f"_{account}" for account in accounts))

    with cluster(environment | {"BINANCE_SERVER": relay.url}) as scheduler:
        ended = run(sandbox, arguments_of("task_queue.py", scheduler, *accounts), PROGRAM_ENVIRONMENT)

    assert Ended(0, "".join(f"{account}: 0.00250000 BTC\n" for account in accounts), "") == ended
    assert len({request.headers["x-mbx-apikey"] for request in sandbox.received_requests}) == 20
    assert 1 <= relay.accepted <= 2


def test_worker_without_credentials(sandbox: Sandbox) -> None:
    """A worker that cannot connect ends the program before the first task."""
    with cluster({"BINANCE_SERVER": sandbox.url}) as scheduler:
        code, output, errors = run(sandbox, arguments_of("task_queue.py", scheduler, "HEDGE"), PROGRAM_ENVIRONMENT)

    assert (1, "") == (code, output)
    assert errors.splitlines()[-1].startswith(
        "a worker has no client: no credentials: BINANCE_API_KEY is not set; set BINANCE_API_KEY and BINANCE_API_SECRET"
    )
    assert sandbox.received_requests == []
