"""A certificate authority, created by trustme for one test."""

from datetime import UTC, datetime

import trustme
from cryptography import x509

_EXPIRES = datetime(2100, 1, 1, tzinfo=UTC)


class Authority:
    """An authority that signs certificates of servers; `certificate` is what its clients trust, in PEM."""

    def __init__(self) -> None:
        """Create its key and its certificate."""
        self._ca = trustme.CA(organization_name="Authority of a test")
        self.certificate = self._ca.cert_pem.bytes()

    def server(self, *names: x509.GeneralName) -> bytes:
        """Return a private key and a certificate for a server with these names, in PEM."""
        certificate = self._ca.issue_cert(*(str(name.value) for name in names), not_after=_EXPIRES)
        return certificate.private_key_and_cert_chain_pem.bytes()
