"""A throw-away certificate authority and a certificate for 127.0.0.1, localhost and more."""

from __future__ import annotations

import ipaddress
import shutil
import ssl
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class NoCertificateToolError(RuntimeError):
    """The program `openssl` is not there."""


def server_context(folder: Path, names: Sequence[str] = ()) -> tuple[ssl.SSLContext, Path]:
    """Make authority and certificate in `folder`, valid for one day.

    Args:
        folder: where they are kept.
        names: further host names or addresses that the certificate is for.

    Returns:
        the context for a TLS server, and the file of the authority that clients must trust.

    Raises:
        NoCertificateToolError: `openssl` is not on the PATH.
    """
    program = shutil.which("openssl")
    if program is None:
        raise NoCertificateToolError(
            "tls=True needs the program 'openssl', which is not on the PATH; "
            "install it, or use tls=False"
        )
    _make(program, folder, names)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    return context, folder / "ca.pem"


def _alternatives(names: Sequence[str]) -> list[str]:
    found = ["IP:127.0.0.1", "DNS:localhost"]
    for name in names:
        try:
            found.append(f"IP:{ipaddress.ip_address(name)}")
        except ValueError:
            found.append(f"DNS:{name}")
    return list(dict.fromkeys(found))


def _make(program: str, folder: Path, names: Sequence[str]) -> None:
    def run(*arguments: str) -> None:
        subprocess.run(
            [program, *arguments], cwd=folder, check=True, capture_output=True, timeout=60
        )

    (folder / "leaf.cnf").write_text(
        f"subjectAltName={','.join(_alternatives(names))}\n"
        "basicConstraints=critical,CA:FALSE\n"
        "extendedKeyUsage=serverAuth\n"
        "authorityKeyIdentifier=keyid\n"
    )
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    run(
        *("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "1"),
        *("-subj", "/CN=local Firehose CA"),
        *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
    )
    run("req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
    run(
        *("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key"),
        *("-CAcreateserial", "-days", "1", "-extfile", "leaf.cnf", "-out", "server.pem"),
    )
