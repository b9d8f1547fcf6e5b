"""The signing of bytes, against the exchange's published examples."""

import traceback
from typing import Any

import pytest
from binance_signing import ConfigurationError, HmacKey
from binance_signing.signature import sign_params
from support.constants import SECRET, SECRET_OF_DERIVATIVES

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
    """The exchange's published examples are signed as published, to the last byte."""
    assert (signed_query, signed_body) == sign_params(query, body, HmacKey(secret), timestamp)


@pytest.mark.parametrize(("secret", "query", "body", "timestamp", "signed_query", "signed_body"), KNOWN_ANSWERS)
def test_signing_again_replaces(
    secret: str, query: bytes, body: bytes, timestamp: int, signed_query: bytes, signed_body: bytes
) -> None:
    """Parameters that are signed twice have only the second timestamp and signature."""
    first = sign_params(query, body, HmacKey(secret), timestamp=1)

    assert (signed_query, signed_body) == sign_params(*first, HmacKey(secret), timestamp)


@pytest.mark.parametrize("name", [b"timestamp", b"signature", b"%74imestamp", b"signatur%65", b"timestamp=a"])
def test_timestamp_and_signature_of_the_caller_are_replaced(name: bytes) -> None:
    """A timestamp or signature that the caller passes is replaced, however its name is encoded."""
    query, _ = sign_params(b"a=1&" + name + b"=7&b=2", b"", HmacKey(SECRET), timestamp=1)

    assert query.startswith(b"a=1&b=2&timestamp=1&signature=")


def test_body_of_a_timestamp_alone_is_signed_in_the_body() -> None:
    """The signature goes into a body that has nothing but a timestamp."""
    query, body = sign_params(b"a=1", b"timestamp=7", HmacKey(SECRET), timestamp=1)

    assert b"a=1" == query
    assert body.startswith(b"timestamp=1&signature=")


def test_similar_names_are_kept() -> None:
    """A parameter whose name only begins like timestamp or signature is kept."""
    query, _ = sign_params(b"timestamps=7&signature2=8", b"", HmacKey(SECRET), timestamp=1)

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
def test_default_recv_window(query: bytes, body: bytes, signed_query: bytes, signed_body: bytes) -> None:
    """The default is added to requests with recvWindow neither in the query nor in the body."""
    actual = sign_params(query, body, HmacKey(SECRET), timestamp=1, recv_window=9)

    assert actual[0].startswith(signed_query)
    assert actual[1].startswith(signed_body)


@pytest.mark.parametrize(
    "signature", [b"", b"\xbb\x2d", b"a b", b"a\r\nX: y", b"100%", b"a&b=c", "text", 7, None], ids=repr
)
def test_invalid_signatures(signature: object) -> None:
    """A custom key whose signature cannot stand in a query is an error that does not show it."""

    class Key:
        def sign(self, payload: bytes) -> Any:  # noqa: ARG002, as keys have it
            return signature

    with pytest.raises(ConfigurationError) as caught:
        sign_params(b"", b"", Key(), 1)

    assert str(caught.value).startswith("key.sign: expected the signature as bytes, percent-encoded for a query")
    frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert "signature=" not in "".join(frames.format())
