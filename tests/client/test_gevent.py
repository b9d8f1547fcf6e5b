"""gevent, which replaces the sockets, locks and `poll` of the standard library."""

import subprocess
import sys
import sysconfig
import threading

import pytest
from support.scripted_server import Request, ScriptedServer, response, rows_of

GREENLETS = 20
pytestmark = pytest.mark.skipif(
    bool(sysconfig.get_config_var("Py_GIL_DISABLED")), reason="gevent has no wheel for the free-threaded build"
)

_SCRIPT = """
from gevent import monkey
monkey.patch_all()
import sys
import gevent
from binance_coinm.api.account import futures_account_balance
from binance_coinm import Credentials, HmacKey, connect

url, authority, permits, greenlets = sys.argv[1:]
with connect(
    Credentials("first", HmacKey("secret")),
    server=url, verify=authority or True, retry=None, max_connections=int(permits),
) as client:
    calls = [gevent.spawn(futures_account_balance.sync, client=client) for _ in range(int(greenlets))]
    gevent.joinall(calls)
    print(sum(len(call.get()) for call in calls), "rows")
"""


@pytest.mark.parametrize("permits", [GREENLETS, 5])
@pytest.mark.parametrize(("host", "tls"), [("127.0.0.1", False), ("127.0.0.1", True), ("localhost", False)])
def test_greenlets_call_at_once(host: str, permits: int, *, tls: bool) -> None:
    """Calls of greenlets are in flight at once, as many as have a permit; none gets a response before all are there."""
    arrived = threading.Barrier(permits)

    def respond(request: Request) -> bytes:
        arrived.wait(10)
        return response(rows_of(request.api_key))

    with ScriptedServer(respond, tls=tls) as server:
        url = server.url.replace("127.0.0.1", host)
        command = [sys.executable, "-W", "error", "-c", _SCRIPT, url, server.authority, str(permits), str(GREENLETS)]
        ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)

        assert (f"{GREENLETS} rows\n", "", 0) == (ended.stdout, ended.stderr, ended.returncode)
        assert permits == server.accepted
