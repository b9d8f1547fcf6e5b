"""Calls that are interrupted or cancelled end at once, in the exception of the interruption, which holds no secret."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import anyio
import pytest
from binance_coinm import connect
from binance_coinm.api.account import futures_account_balance
from binance_sandbox import Fault, Sandbox
from support.call_helpers import Balance
from support.concurrency import ResponseGate
from support.ctrl_c import needs_ctrl_c, press_ctrl_c
from support.recording_proxy import RecordingProxy
from support.secret_search import assert_hidden


@needs_ctrl_c
def test_ctrl_c(sandbox: Sandbox, balance: Balance) -> None:
    """Ctrl+C ends a call that waits for its response, and the exception holds no secret."""
    gate, is_ended = ResponseGate(), Event()
    sandbox.inject_fault(gate.fault())

    def interrupt() -> bool:
        gate.wait_for(1)
        has_ended = press_ctrl_c(is_ended)
        gate.open()
        return has_ended

    with ThreadPoolExecutor(1) as threads:
        interrupted = threads.submit(interrupt)
        with pytest.raises(KeyboardInterrupt) as caught:
            balance(connect(sandbox.credentials, server=sandbox.url, timeout=30))
        is_ended.set()
        assert interrupted.result()

    assert_hidden(sandbox, caught.value)
    assert 1 == len(sandbox.received_requests)


@needs_ctrl_c
def test_calls_after_ctrl_c(sandbox: Sandbox, relay: RecordingProxy) -> None:
    """A call that Ctrl+C ends leaves no connection; later calls of its client get their own responses."""
    gate, is_ended = ResponseGate(), Event()
    [row, *_] = sandbox.balances
    sandbox.respond_next(200, body=[row | {"accountAlias": "interrupted"}], fault=gate.fault())

    def interrupt() -> bool:
        gate.wait_for(1)
        return press_ctrl_c(is_ended)

    with (
        ThreadPoolExecutor(1) as threads,
        connect(sandbox.credentials, server=relay.url, max_connections=2, timeout=30) as client,
    ):
        interrupted = threads.submit(interrupt)
        with pytest.raises(KeyboardInterrupt):
            futures_account_balance.sync(client=client)
        is_ended.set()
        assert interrupted.result()
        assert relay.settles_at(0)
        for number in range(3):
            sandbox.balances = [row | {"accountAlias": str(number)}]
            assert str(number) == futures_account_balance.sync(client=client)[0].account_alias
        gate.open()
        assert "2" == futures_account_balance.sync(client=client)[0].account_alias


@pytest.mark.parametrize("fault", [Fault.silence(), Fault.drip_body()], ids=lambda fault: fault.name)
def test_cancelled_by_a_scope(sandbox: Sandbox, fault: Fault) -> None:
    """A scope of anyio catches its own cancellation of a call, before the response and during it."""
    sandbox.inject_fault(fault)

    async def main() -> bool:
        async with connect(sandbox.credentials, server=sandbox.url, timeout=2) as client:
            with anyio.move_on_after(0.1) as scope:
                await futures_account_balance.asyncio(client=client)
            assert await futures_account_balance.asyncio(client=client)
            return scope.cancelled_caught

    assert asyncio.run(main())


@pytest.mark.parametrize("fault", [Fault.silence(), Fault.drip_body()], ids=lambda fault: fault.name)
def test_cancelled_by_a_timeout(sandbox: Sandbox, fault: Fault) -> None:
    """A timeout of asyncio ends a call in asyncio's own exception."""
    sandbox.inject_fault(fault)

    async def main() -> None:
        async with connect(sandbox.credentials, server=sandbox.url, timeout=2) as client, asyncio.timeout(0.1):
            await futures_account_balance.asyncio(client=client)

    with pytest.raises(TimeoutError) as caught:
        asyncio.run(main())

    assert type(caught.value) is TimeoutError
    assert_hidden(sandbox, caught.value)


def test_cancelled_with_a_message(sandbox: Sandbox) -> None:
    """A task that is cancelled with a message ends with that message, and holds no secret."""
    gate = ResponseGate()
    sandbox.inject_fault(gate.fault())

    async def main() -> asyncio.CancelledError:
        async with connect(sandbox.credentials, server=sandbox.url, timeout=2) as client:
            task = asyncio.create_task(futures_account_balance.asyncio(client=client))
            await asyncio.to_thread(gate.wait_for, 1)
            task.cancel("message")
            with pytest.raises(asyncio.CancelledError) as caught:
                await task
            assert task.cancelled()
            return caught.value

    cancellation = asyncio.run(main())

    assert ("message",) == cancellation.args
    assert_hidden(sandbox, cancellation)


def test_cancelled_by_a_group(sandbox: Sandbox) -> None:
    """A task group, one of whose tasks fails, ends in that failure alone."""
    gate = ResponseGate()
    sandbox.inject_fault(gate.fault())

    async def fail() -> None:
        await asyncio.to_thread(gate.wait_for, 1)
        raise LookupError

    async def main() -> None:
        async with connect(sandbox.credentials, server=sandbox.url, timeout=2) as client, asyncio.TaskGroup() as tasks:
            tasks.create_task(futures_account_balance.asyncio(client=client))
            tasks.create_task(fail())

    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(main())

    assert [LookupError] == [type(error) for error in caught.value.exceptions]
