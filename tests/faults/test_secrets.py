"""Nothing secret is written: marked credentials over everything that leaves the package."""

from __future__ import annotations

import stat

import pytest

from faults.cell import call
from faults.deployment import Deployment
from firehose_logging._delivery.journal import PREFIX
from firehose_logging._diagnostics import mask, tell
from firehose_logging._line.json_text import to_bytes
from local_firehose import Fault
from support.e2e_lambda import layer

pytestmark = pytest.mark.e2e

#: In the shape of the real ones, so that whatever masks by shape is put to the test, and with a
#: mark that no other text holds.
ACCESS_KEY = "ASIAMARKEDMARKED1234"
SECRET_KEY = "MARKED/sEcReT+kEy/MARKED/0123456789abcdef"
TOKEN = "MARKEDtOkEn//////////wEaDMARKED0123456789+/="


def refusal(code: str) -> Fault:
    """An answer that repeats what it was given, as some of the service's do."""
    text = (
        f"The security token {TOKEN} included in the request is invalid; the canonical string "
        f"was x-amz-security-token:{TOKEN} Credential={ACCESS_KEY}/20260101/eu-west-1, "
        f"secret={SECRET_KEY}"
    )
    return Fault.error_answer(code, text)


@pytest.mark.parametrize("transport", ["auto", "boto3"])
def test_credentials_never_leave(transport: str) -> None:
    """Not in lines, diagnostics, the journal, error texts or the answer, whatever goes wrong."""
    variables = {"FIREHOSE_LOGGING_FLUSH": "end", "FIREHOSE_LOGGING_TRANSPORT": transport}
    credentials = (ACCESS_KEY, SECRET_KEY, TOKEN)
    with Deployment(layer(), variables, credentials=credentials) as deployment:
        with deployment.environment() as environment:
            call(environment, {"first": 1, "lines": 5})
            for code in (
                "InternalFailure", "AccessDeniedException", "UnrecognizedClientException",
                "ExpiredTokenException", "InvalidSignatureException",
            ):  # fmt: skip
                deployment.firehose.faults.set(refusal(code))
                call(environment, {"first": 10, "lines": 5, "sleep": 0.5})
            deployment.firehose.faults.set(Fault.http(403, TOKEN.encode()))
            answers = [call(environment, {"first": 20, "lines": 5}).raw]
            journals = list(deployment.tmp.glob(f"{PREFIX}*"))
            assert journals
            outcomes = {seen.outcome for seen in deployment.firehose.ledger.calls}
            assert {"AccessDeniedException", "InternalFailure"} <= outcomes
            kept = b"".join(path.read_bytes() for path in journals)
            said = "\n".join(event.text for event in environment.output)
        everything = kept + b"".join(answers) + to_bytes(said)
        everything += to_bytes(repr(deployment.lines()))

        assert "firehose_logging: " in said  # something was told at all
        assert b"MARKED" not in everything


def test_diagnostics_are_masked(capfd: pytest.CaptureFixture[str]) -> None:
    """Key ids and what follows the names of secrets are masked, wherever a text comes from."""
    tell(f"failed: {ACCESS_KEY} aws_secret_access_key='{SECRET_KEY}' x-amz-security-token: {TOKEN}")
    told = capfd.readouterr().err

    assert "failed" in told
    assert "MARKED" not in told
    assert "MARKED" not in mask(f"Credential={ACCESS_KEY}/2026/x Signature=MARKEDabc")


def test_the_journal_is_ours_alone() -> None:
    """Its files can be read by nobody else, and nothing of ours in /tmp is a folder."""
    variables = {"FIREHOSE_LOGGING_FLUSH": "periodic", "FIREHOSE_LOGGING_INTERVAL": "900"}
    with Deployment(layer(), variables) as deployment, deployment.environment() as environment:
        call(environment, {"first": 1, "lines": 5})
        modes = {path.stat().st_mode for path in deployment.tmp.glob(f"{PREFIX}*")}
        assert modes == {stat.S_IFREG | 0o600}
