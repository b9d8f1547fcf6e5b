"""The signing of bytes, against the exchange's published answers."""

import pytest
from binance_signing import HmacKey
from binance_signing._signing import signed
from samples import SECRET, SECRET_OF_DERIVATIVES

KNOWN_ANSWERS = [
    pytest.param(
        SECRET,
        b"",
        b"",
        1578963600000,
        b"timestamp=1578963600000&signature=d84e6641b1e328e7b418fff030caed655c266299c9355e36ce801ed14631eed4",
        b"",
        id="timestamp alone",
    ),
    pytest.param(
        SECRET,
        b"symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000",
        b"",
        1499827319559,
        b"symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000"
        b"&timestamp=1499827319559&signature=c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71",
        b"",
        id="query",
    ),
    pytest.param(
        SECRET,
        b"",
        b"symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000",
        1499827319559,
        b"",
        b"symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000"
        b"&timestamp=1499827319559&signature=c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71",
        id="body",
    ),
    pytest.param(
        SECRET,
        b"symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC",
        b"quantity=1&price=0.1&recvWindow=5000",
        1499827319559,
        b"symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC",
        b"quantity=1&price=0.1&recvWindow=5000"
        b"&timestamp=1499827319559&signature=0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77",
        id="query and body",
    ),
    pytest.param(
        SECRET,
        b"symbol=%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96"
        b"&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000",
        b"",
        1499827319559,
        b"symbol=%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96"
        b"&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000"
        b"&timestamp=1499827319559&signature=e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3",
        b"",
        id="beyond ASCII",
    ),
    pytest.param(
        SECRET_OF_DERIVATIVES,
        b"symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=9000&timeInForce=GTC&recvWindow=5000",
        b"",
        1591702613943,
        b"symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=9000&timeInForce=GTC&recvWindow=5000"
        b"&timestamp=1591702613943&signature=3c661234138461fcc7a7d8746c6558c9842d4e10870d2ecbedf7777cad694af9",
        b"",
        id="USD-M futures",
    ),
    pytest.param(
        SECRET_OF_DERIVATIVES,
        b"symbol=BTCUSD_200925&side=BUY&type=LIMIT&quantity=1&price=9000&timeInForce=GTC&recvWindow=5000",
        b"",
        1591702613943,
        b"symbol=BTCUSD_200925&side=BUY&type=LIMIT&quantity=1&price=9000&timeInForce=GTC&recvWindow=5000"
        b"&timestamp=1591702613943&signature=04c8b9fbd55285a38fd6a3fc40ba3a7d114f22564dab61611bf24f2d2efb890f",
        b"",
        id="COIN-M futures",
    ),
]


@pytest.mark.parametrize(("secret", "query", "body", "timestamp", "signed_query", "signed_body"), KNOWN_ANSWERS)
def test_known_answers(
    secret: str, query: bytes, body: bytes, timestamp: int, signed_query: bytes, signed_body: bytes
) -> None:
    """What the exchange publishes as signed comes out to the last byte."""
    assert (signed_query, signed_body) == signed(query, body, HmacKey(secret), timestamp)


@pytest.mark.parametrize(("secret", "query", "body", "timestamp", "signed_query", "signed_body"), KNOWN_ANSWERS)
def test_signing_anew_replaces(
    secret: str, query: bytes, body: bytes, timestamp: int, signed_query: bytes, signed_body: bytes
) -> None:
    """What is signed again has the timestamp and signature of the last time alone."""
    first = signed(query, body, HmacKey(secret), timestamp=1)

    assert (signed_query, signed_body) == signed(*first, HmacKey(secret), timestamp)


@pytest.mark.parametrize("name", [b"timestamp", b"signature", b"%74imestamp", b"signatur%65", b"timestamp=a"])
def test_what_the_caller_gave_is_replaced(name: bytes) -> None:
    """A timestamp or signature of the caller's own is replaced, however its name is written."""
    query, _ = signed(b"a=1&" + name + b"=7&b=2", b"", HmacKey(SECRET), timestamp=1)

    assert query.startswith(b"a=1&b=2&timestamp=1&signature=")


def test_body_of_nothing_but_timestamp_stays_in_the_body() -> None:
    """A body in which nothing is left beside the signature is still the place for it."""
    query, body = signed(b"a=1", b"timestamp=7", HmacKey(SECRET), timestamp=1)

    assert b"a=1" == query
    assert body.startswith(b"timestamp=1&signature=")


def test_names_that_only_begin_alike_stay() -> None:
    """A parameter whose name begins like those of the signer is the caller's."""
    query, _ = signed(b"timestamps=7&signature2=8", b"", HmacKey(SECRET), timestamp=1)

    assert query.startswith(b"timestamps=7&signature2=8&timestamp=1&signature=")


@pytest.mark.parametrize(
    ("query", "body", "signed_query", "signed_body"),
    [
        (b"", b"", b"recvWindow=9&timestamp=1&signature=", b""),
        (b"recvWindow=5", b"", b"recvWindow=5&timestamp=1&signature=", b""),
        (b"", b"recvWindow=5", b"", b"recvWindow=5&timestamp=1&signature="),
        (b"recvWindow=5", b"a=1", b"recvWindow=5", b"a=1&timestamp=1&signature="),
        (b"a=1", b"b=2", b"a=1", b"b=2&recvWindow=9&timestamp=1&signature="),
    ],
)
def test_recv_window_is_added_where_there_is_none(
    query: bytes, body: bytes, signed_query: bytes, signed_body: bytes
) -> None:
    """The default window is for requests that have none, neither in the query nor in the body."""
    actual = signed(query, body, HmacKey(SECRET), timestamp=1, recv_window=9)

    assert actual[0].startswith(signed_query)
    assert actual[1].startswith(signed_body)
