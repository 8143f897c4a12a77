from __future__ import annotations

import sys

import pytest

from firehose_logging import _diagnostics
from firehose_logging._clock import SystemClock
from firehose_logging._environment import Environment
from firehose_logging._firehose import choose
from firehose_logging._firehose.boto import BotoTransport
from firehose_logging._firehose.direct import DirectTransport
from firehose_logging.settings import Settings


@pytest.fixture(autouse=True)
def configured(monkeypatch, tmp_path):
    """Keys and a region in the environment, and no configuration in a file."""
    _diagnostics.forget()
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "A" * 20)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "S" * 20)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")


def made(**settings):
    """The transport that is chosen."""
    environ = Environment.now().sdk_variables
    return choose.make_transport(Settings(**settings), "logs", None, SystemClock(), environ)


def test_ours_where_that_is_safe():
    """Keys and a region are enough."""
    assert isinstance(made(), DirectTransport)
    assert isinstance(made(transport="boto3"), BotoTransport)


def test_a_clients_own_settings_are_botocores(monkeypatch):
    """A file may say anything: only botocore reads it."""
    monkeypatch.setenv("AWS_CONFIG_FILE", "/some/config")

    assert isinstance(made(), BotoTransport)


@pytest.mark.parametrize("how", ["AWS_CONFIG_FILE", "boto3"])
def test_a_transport_that_cannot_be_had_is_not_taken(monkeypatch, capfd, how):
    """Without botocore a file that only it reads must not mean that nothing is ever sent."""
    monkeypatch.setitem(sys.modules, "botocore", None)
    if how == "AWS_CONFIG_FILE":
        monkeypatch.setenv("AWS_CONFIG_FILE", "/some/config")

    transport = made(transport="boto3" if how == "boto3" else "auto")

    assert isinstance(transport, DirectTransport)
    assert "botocore is not there; sending without it although" in capfd.readouterr().err


def test_a_client_of_the_users_is_used(capfd):
    """Whatever else is set."""
    assert isinstance(
        choose.make_transport(Settings(transport="direct"), "logs", object(), SystemClock(), {}),
        BotoTransport,
    )
