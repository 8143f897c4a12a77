from __future__ import annotations

import ssl
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path

import botocore
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firehose_logging._clock import SystemClock
from firehose_logging._firehose.choose import _trust
from firehose_logging._firehose.direct import DirectTransport
from firehose_logging._firehose.endpoint import Endpoint
from firehose_logging._firehose.sigv4 import Credentials
from firehose_logging._firehose.trust import AMAZON_ROOTS, Trust, certificates
from local_firehose import DeliveryStream, LocalFirehose

PATIENT = 10.0
BUNDLE = Path(botocore.__file__).parent / "cacert.pem"
NAMES = {
    *(f"Amazon Root CA {number}" for number in range(1, 5)),
    "Starfield Services Root Certificate Authority - G2",
}


def trusted(context: ssl.SSLContext) -> set[bytes]:
    """The authorities of a context, in DER."""
    return set(context.get_ca_certs(binary_form=True))


def names(context: ssl.SSLContext) -> set[str]:
    """Their common names."""
    return {
        value
        for found in context.get_ca_certs()
        for part in found["subject"]
        for key, value in part
        if key == "commonName"
    }


@pytest.fixture
def secure(tmp_path):
    """A local Firehose that speaks TLS, and a transport to it that trusts as it is told."""
    with ExitStack() as stack:
        stream = DeliveryStream("logs", tmp_path / "bucket", throughput=None)
        firehose = stack.enter_context(LocalFirehose([stream], tls=True))
        environ = firehose.environment()

        def transport(trust: Trust) -> DirectTransport:
            made = DirectTransport(
                "logs",
                Endpoint("https", "127.0.0.1", firehose.port, firehose.region),
                lambda: Credentials(
                    environ["AWS_ACCESS_KEY_ID"],
                    environ["AWS_SECRET_ACCESS_KEY"],
                    environ.get("AWS_SESSION_TOKEN"),
                ),
                SystemClock(),
                trust=trust,
            )
            stack.callback(made.close)
            return made

        yield firehose, transport


def test_amazons_roots_are_in_botocores_bundle():
    """All five are found by their fingerprints, and are who they should be."""
    found = {sha256(one).digest() for one in certificates(BUNDLE.read_bytes())}

    assert found >= AMAZON_ROOTS
    assert names(Trust(str(BUNDLE)).context()) == NAMES


def test_labels_are_a_hint_and_no_proof(tmp_path):
    """Without comments, and with wrong ones, the same five are found, and nobody else."""
    text = BUNDLE.read_text(encoding="utf-8")
    lines = text.splitlines(keepends=True)
    bare = tmp_path / "bare.pem"
    bare.write_text("".join(line for line in lines if not line.startswith("#")), encoding="utf-8")
    wrong = tmp_path / "wrong.pem"
    wrong.write_text(text.replace('# Label: "', '# Label: "Amazon '), encoding="utf-8")
    swapped = tmp_path / "swapped.pem"
    swapped.write_text(text.replace("Amazon Root", "Other Root"), encoding="utf-8")

    assert names(Trust(str(bare)).context()) == NAMES
    assert names(Trust(str(wrong)).context()) == NAMES
    assert names(Trust(str(swapped)).context()) == NAMES


def test_first_the_few_then_all():
    """The first context trusts five authorities; a wider one all that botocore trusts, no other."""
    trust = Trust(str(BUNDLE))
    everybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    everybody.load_verify_locations(BUNDLE)

    few = trusted(trust.context())
    assert trust.context() is trust.context()
    assert trust.widen()
    whole = trusted(trust.context())

    assert (len(few), few < whole) == (5, True)
    assert whole == trusted(everybody)
    assert not trust.widen()
    assert trusted(trust.context()) == whole


@pytest.mark.parametrize("wide", [False, True])
def test_never_less_strict(wide):
    """Certificate and host name are checked, with TLS 1.2 or newer, whoever is trusted."""
    trust = Trust(str(BUNDLE))
    if wide:
        trust.widen()
    context = trust.context()

    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert context.options == ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).options


def test_a_file_without_amazons_roots_is_trusted_as_it_is(secure):
    """Who names another authority gets that one, at the first connection."""
    firehose, transport = secure
    trust = Trust(str(firehose.ca_file), chosen=True)

    assert transport(trust).send([b"x\n"], PATIENT).codes == [None]
    assert firehose.ledger.connections == 1
    assert not trust.widen()


@pytest.mark.parametrize("place", ["first", "last"])
def test_an_authority_beside_amazons(secure, tmp_path, place):
    """An own authority in a copy of the bundle is trusted: at once where it was appended."""
    firehose, transport = secure
    parts = [BUNDLE.read_bytes(), firehose.ca_file.read_bytes()]
    file = tmp_path / "authorities.pem"
    file.write_bytes(b"\n".join(parts if place == "last" else reversed(parts)))
    trust = Trust(str(file), chosen=True)

    assert transport(trust).send([b"x\n"], PATIENT).codes == [None]
    assert len(trusted(trust.context())) == (6 if place == "last" else 127)


def test_the_whole_bundle_is_tried_before_a_connection_is_given_up(secure):
    """An endpoint that nobody in the bundle vouches for gets nothing, after both were tried."""
    firehose, transport = secure
    trust = Trust(str(BUNDLE))

    assert transport(trust).send([b"x\n"], PATIENT).error == "CertificateNotTrusted"
    assert firehose.ledger.wire_bytes == 0
    assert not trust.widen()


def test_a_new_file_is_read(secure, tmp_path):
    """A file of authorities that is replaced is read for the next connection."""
    firehose, transport = secure
    file = tmp_path / "authorities.pem"
    file.write_bytes(BUNDLE.read_bytes())
    sender = transport(Trust(str(file), chosen=True))
    assert sender.send([b"x\n"], PATIENT).error == "CertificateNotTrusted"

    file.write_bytes(firehose.ca_file.read_bytes())

    assert sender.send([b"x\n"], PATIENT).codes == [None]


def test_a_file_that_is_not_there():
    """What cannot be read is an error of the connection, as with botocore."""
    with pytest.raises(OSError, match="nowhere"):
        Trust("/nowhere/authorities.pem").context()


def test_without_a_file(monkeypatch):
    """The interpreter's own authorities are looked through in the same way."""
    paths = ssl.get_default_verify_paths()
    for cafile, count in ((str(BUNDLE), 5), (None, None)):
        monkeypatch.setattr(
            ssl, "get_default_verify_paths", lambda cafile=cafile: paths._replace(cafile=cafile)
        )
        context = Trust(None).context()

        assert count is None or len(trusted(context)) == count


def test_whose_bundle(monkeypatch, tmp_path):
    """What the variables name is chosen; else certifi's or botocore's own is taken."""
    assert _trust({"AWS_CA_BUNDLE": "/a.pem"})._chosen
    assert _trust({"REQUESTS_CA_BUNDLE": "/a.pem"})._ca_file == "/a.pem"
    monkeypatch.setattr("sys.path", [str(tmp_path), str(BUNDLE.parent.parent)])
    assert (_trust({})._ca_file, _trust({})._chosen) == (str(BUNDLE), False)
    (tmp_path / "certifi").mkdir()
    (tmp_path / "certifi" / "cacert.pem").touch()
    assert _trust({})._ca_file == str(tmp_path / "certifi" / "cacert.pem")
    monkeypatch.setattr("sys.path", [])
    assert _trust({})._ca_file is None


@given(st.binary(max_size=60) | st.text("-BEGINCRTFAD \n=aQ", max_size=80).map(str.encode))
def test_damaged_files(data):
    """Whatever stands in the file: what can be read of it, and no exception."""
    whole = b"-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n"

    assert b"ABC" in list(certificates(whole + data))
    assert list(certificates(data)) == [] or b"BEGIN CERTIFICATE" in data
