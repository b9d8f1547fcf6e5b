"""Verification of signatures: published known answers, and invalid signatures."""

import base64
import sys
from urllib.parse import quote

import pytest
from binance_sandbox._signature import hmac_verifier, public_key_verifier, split_signature
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from support.constants import SECRET, SECRET_OF_DERIVATIVES

ORDER = (
    b"symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
)
FULL_WIDTH = b"symbol=%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96" + ORDER.removeprefix(b"symbol=LTCBTC")
USDT = (
    b"symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=9000&timeInForce=GTC&recvWindow=5000&timestamp=1591702613943"
)
COINM = USDT.replace(b"BTCUSDT", b"BTCUSD_200925")

PUBLISHED = [
    (SECRET, b"timestamp=1578963600000", b"", b"d84e6641b1e328e7b418fff030caed655c266299c9355e36ce801ed14631eed4"),
    (SECRET, ORDER, b"", b"c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"),
    (SECRET, FULL_WIDTH, b"", b"e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3"),
    (
        SECRET,
        b"symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC",
        b"quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559",
        b"0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77",
    ),
    (SECRET_OF_DERIVATIVES, USDT, b"", b"3c661234138461fcc7a7d8746c6558c9842d4e10870d2ecbedf7777cad694af9"),
    (SECRET_OF_DERIVATIVES, COINM, b"", b"04c8b9fbd55285a38fd6a3fc40ba3a7d114f22564dab61611bf24f2d2efb890f"),
]

ED25519_PEM = """-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGUIKv9dSpWXBViXp2m6vAIb8QMFJYBgyFEQsFJlqgA0=
-----END PUBLIC KEY-----
"""


def pem(public_key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> bytes:
    """Return a public key as PEM."""
    return public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize(("secret", "query", "body", "signature"), PUBLISHED)
def test_published_hmac_signatures_pass(secret: str, query: bytes, body: bytes, signature: bytes) -> None:
    """The exchange's published examples pass, in lower and upper case, signed at the end of query string or body."""
    in_query = split_signature(query + b"&signature=" + signature, body, "signature")
    in_body = split_signature(query, body + b"&signature=" + signature.upper(), "signature")

    assert in_query == (query + body, signature)
    assert in_body == (query + body, signature.upper())
    assert hmac_verifier(secret)(query + body, signature)
    assert hmac_verifier(secret)(query + body, signature.upper())


@pytest.mark.parametrize("signature", [b"", b"00", b"d84e", "é".encode(), PUBLISHED[1][3]])
def test_other_hmac_signatures_do_not_pass(signature: bytes) -> None:
    """A signature of other bytes or by another secret is invalid."""
    assert not hmac_verifier(SECRET)(b"timestamp=1578963600000", signature)


@pytest.mark.parametrize("query", [b"", b"timestamp=1", b"signature=00&timestamp=1", b"timestamp=1&signature=00&"])
def test_signature_has_to_be_last(query: bytes) -> None:
    """A signature that is missing or not the last parameter is not found."""
    assert split_signature(query, b"", "signature") is None


def test_signature_alone_signs_nothing() -> None:
    """Without other parameters the signed bytes are empty."""
    assert split_signature(b"signature=00", b"", "signature") == (b"", b"00")


@pytest.mark.parametrize(
    ("payload", "signature"),
    [
        (
            b"A\x01EXAMPLE\x01SPOT\x011\x0120240627-11:17:25.223",
            "4MHXelVVcpkdwuLbl6n73HQUXUf1dse2PCgT1DYqW9w8AVZ1RACFGM+5UdlGPrQHrgtS3CvsRURC1oj73j8gCA==",
        ),
        (
            b"timestamp=1591702613943",
            "hHiQYz8TwEmv2/ylRrehdRkvD2ZFXYDw5i1cqVayZJsEGm1GEjzVCXvwDmcPCwf4PLi45MrMkkZNew2UOTcZBg==",
        ),
    ],
)
def test_known_ed25519_signatures_pass(payload: bytes, signature: str) -> None:
    """The published example passes; with one character changed it does not."""
    check = public_key_verifier(ED25519_PEM)

    assert check(payload, signature.encode())
    assert not check(payload, signature.swapcase().encode())
    assert not check(payload + b"0", signature.encode())


def test_rsa_signature_is_pkcs1_v15_with_sha256() -> None:
    """A signature of that kind by the account's key passes, percent-encoded on the wire; by another key it does not."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    other_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    signature = base64.b64encode(key.sign(b"timestamp=1", PKCS1v15(), SHA256())).decode()

    split = split_signature(f"timestamp=1&signature={quote(signature, safe='')}".encode(), b"", "signature")

    assert split == (b"timestamp=1", signature.encode())
    assert public_key_verifier(pem(key.public_key()))(b"timestamp=1", signature.encode())
    assert not public_key_verifier(pem(other_key.public_key()))(b"timestamp=1", signature.encode())


@pytest.mark.parametrize("signature", [b"", b"no base64", b"AAAA", b"AA\nAA"])
def test_malformed_public_key_signatures(signature: bytes) -> None:
    """A signature that is not base64, or of the wrong length, is invalid and raises nothing."""
    assert not public_key_verifier(ED25519_PEM)(b"timestamp=1", signature)


def test_base64_has_to_be_percent_encoded() -> None:
    """A plus sign that was not encoded arrives as a space, so the signature is invalid."""
    assert split_signature(b"a=1&signature=x+y%2Bz", b"", "signature") == (b"a=1", b"x y+z")


def test_key_pairs_without_cryptography(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing package is reported with the command that installs it."""
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)

    with pytest.raises(ImportError, match=r"pip install 'binance-coinm\[keys\]'"):
        public_key_verifier(ED25519_PEM)


def test_unsupported_public_keys() -> None:
    """An account cannot be created with an elliptic curve key."""
    key = ec.generate_private_key(ec.SECP256R1())

    with pytest.raises(ValueError, match="Ed25519 or RSA"):
        public_key_verifier(pem(key.public_key()))
