"""Whom a TLS connection trusts: Amazon's own authorities first, botocore's whole bundle after.

Parsing a bundle of 126 authorities takes the processor longer than importing ``ssl``, and at the
smallest memory size a function has a fourteenth of one. AWS's endpoints chain to five of them.
Nobody is ever trusted whom botocore would not trust: all come out of the file that botocore reads.
"""

from __future__ import annotations

import _socket
from binascii import a2b_base64

from firehose_logging._firehose.sigv4 import sha256

try:
    # What ``ssl`` is made of: the module itself takes longer to import than to shake hands, for
    # names of constants that nobody here asks for. Its classes come from here.
    from _ssl import (
        PROTOCOL_TLS_CLIENT,
        SSL_ERROR_EOF,
        SSLCertVerificationError,
        SSLError,
        _SSLContext,
    )
except ImportError:  # a Python where it is made of something else
    from ssl import (
        PROTOCOL_TLS_CLIENT,
        SSL_ERROR_EOF,
        SSLCertVerificationError,
        SSLError,
    )
    from ssl import SSLContext as _SSLContext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

__all__ = ["Connection", "SSLCertVerificationError", "TlsSocket", "Trust"]

#: TLS 1.2, as on the wire.
_TLS_1_2 = 0x0303

#: SHA-256 fingerprints of Amazon Root CA 1 to 4 and Starfield Services Root Certificate Authority
#: G2, to which the certificates of AWS's endpoints chain: https://www.amazontrust.com/repository/
AMAZON_ROOTS = frozenset(
    bytes.fromhex(fingerprint)
    for fingerprint in (
        "8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e",
        "1ba5b2aa8c65401a82960118f80bec4f62304d83cec4713a19c39c011ea46db4",
        "18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4",
        "e35d28419ed02025cfa69038cd623962458da5c695fbdea3c22b0bfb25897092",
        "568d6905a2c88708a4b3025190edcfedb1974a606a13c6e5290fcb2ae63edab5",
    )
)

_BEGIN = b"-----BEGIN CERTIFICATE-----"
_END = b"-----END CERTIFICATE-----"


class Trust:
    """The TLS contexts of one transport.

    Args:
        ca_file: certificates that are trusted; None for the interpreter's own.
        chosen: whether somebody chose that file: the last authority in it, where an organisation
            appends its own, is then among the first.
    """

    def __init__(self, ca_file: str | None, *, chosen: bool = False) -> None:
        self._ca_file = ca_file
        self._chosen = chosen
        # All mutable state.
        self._context: Any = None
        self._is_whole = False

    def context(self) -> Any:
        """TLS as botocore has it: 1.2 or newer, certificate and host name checked.

        Raises:
            OSError: the certificates cannot be read.
        """
        if self._context is None:
            context = _SSLContext(PROTOCOL_TLS_CLIENT)  # checks certificate and host name
            context.minimum_version = _TLS_1_2
            few = b"" if self._is_whole else self._few()
            if few:
                context.load_verify_locations(cadata=few)
            else:
                self._load_all(context)
            self._context = context
        return self._context

    def widen(self) -> bool:
        """Trust the whole bundle from now on; False when it was trusted already.

        Either way the file is read anew for the next connection: it may be a new one by then.
        """
        self._context = None
        was_whole, self._is_whole = self._is_whole, True
        return not was_whole

    def _few(self) -> bytes:
        """The authorities that are tried first, one after the other; empty when there are none."""
        path = self._ca_file
        if path is None:
            import ssl

            path = ssl.get_default_verify_paths().cafile
        if not path:
            return b""
        with open(path, "rb", 0) as file:  # noqa: PTH123 - pathlib costs an import
            data = file.read()
        few = _amazons(_labelled(data))
        if len(few) < len(AMAZON_ROOTS):
            few = _amazons(certificates(data))
        if few and self._chosen:
            few += list(certificates(data[data.rfind(_BEGIN) :]))
        return b"".join(few)

    def _load_all(self, context: Any) -> None:
        self._is_whole = True
        if self._ca_file is not None:
            context.load_verify_locations(self._ca_file)
        else:
            context.set_default_verify_paths()


class Connection(_socket.socket):
    """A socket, of a kind that TLS can refer to."""

    __slots__ = ("__weakref__",)


class TlsSocket:
    """A connected socket behind TLS; what ``ssl.SSLSocket`` is, as far as it is needed here.

    Args:
        context: of a ``Trust``.
        sock: connected; its time-out holds for the handshake, which is done at once.
        host: whose certificate the other side must show.

    Raises:
        OSError: the handshake failed; SSLCertVerificationError where it was the certificate.
    """

    def __init__(self, context: Any, sock: _socket.socket, host: str) -> None:
        self._sock = sock
        self._tls = context._wrap_socket(sock, False, host)  # noqa: SLF001 - as ssl does
        self._tls.do_handshake()

    def sendall(self, data: bytes) -> None:
        """Send all of ``data``."""
        with memoryview(data) as view:
            sent = 0
            while sent < len(view):
                sent += self._tls.write(view[sent:])

    def recv(self, size: int) -> bytes:
        """What has come, at most ``size`` bytes; nothing when the other side has closed."""
        try:
            found: bytes = self._tls.read(size)
        except SSLError as error:
            if error.args and error.args[0] == SSL_ERROR_EOF:
                return b""  # without a farewell: the parser knows whether an answer is whole
            raise
        return found

    def settimeout(self, seconds: float) -> None:
        """Most seconds of each call."""
        self._sock.settimeout(seconds)

    def fileno(self) -> int:
        """Of the socket."""
        return self._sock.fileno()

    def close(self) -> None:
        """Close the connection."""
        self._sock.close()


def _amazons(found: Iterator[bytes]) -> list[bytes]:
    """Those of Amazon among certificates in DER."""
    # Most are of others, which their names tell in less time than their fingerprints.
    return [
        one
        for one in found
        if (b"Amazon" in one or b"Starfield" in one) and sha256(one).digest() in AMAZON_ROOTS
    ]


def _labelled(data: bytes) -> Iterator[bytes]:
    """The certificates that comments before them call Amazon's or Starfield's.

    botocore's bundle names each one, so that few of them need to be decoded; who it really is, a
    fingerprint tells.
    """
    for block in data.split(b"# Label: ")[1:]:
        if block.startswith((b'"Amazon', b'"Starfield')):
            yield from certificates(block)


def certificates(data: bytes) -> Iterator[bytes]:
    """The certificates of a PEM file, in DER; what is damaged is left out."""
    for block in data.split(_BEGIN)[1:]:
        text, end, _ = block.partition(_END)
        try:
            found = a2b_base64(text) if end else b""
        except ValueError:
            continue
        if found:
            yield found
