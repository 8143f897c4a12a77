"""What goes wrong with Firehose, each in a form that passes, one that flaps, one that stays."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from local_firehose import Fault, certificate

if TYPE_CHECKING:
    from collections.abc import Callable

    from .deployment import Deployment

#: Two calls go wrong, or the first invocation; two of three calls, or every other invocation;
#: all until the process has ended.
FORMS = ("passes", "flaps", "stays")


@dataclass(frozen=True)
class Trouble:
    """One thing that goes wrong.

    Args:
        name: for tables and the command line.
        faults: of the local Firehose, acting on calls; empty when ``switch`` does it.
        switch: turns the trouble on or off by hand, invocation by invocation.
        many: whether calls of many records are needed to show it.
        tls: whether Firehose speaks TLS.
    """

    name: str
    faults: tuple[Fault, ...] = ()
    switch: Callable[[Deployment, bool], None] | None = None
    many: bool = False
    tls: bool = False

    def begin(self, deployment: Deployment, form: str) -> None:
        """Before the first invocation."""
        faults = deployment.firehose.faults
        if self.switch is not None:
            self.switch(deployment, True)
        elif form == "passes":
            faults.set(*(replace(fault, times=2) for fault in self.faults))
        elif form == "flaps":
            faults.set(*(fault.when(flap=(2, 1)) for fault in self.faults))
        else:
            faults.set(*self.faults)

    def step(self, deployment: Deployment, form: str, invocation: int) -> None:
        """Before each invocation after the first, counted from 1."""
        if self.switch is not None and form != "stays":
            self.switch(deployment, form == "flaps" and invocation % 2 == 1)

    def end(self, deployment: Deployment) -> None:
        """All is well again."""
        if self.switch is not None:
            self.switch(deployment, False)
        deployment.firehose.faults.clear()


def _refuse(deployment: Deployment, down: bool) -> None:
    deployment.firehose.faults.set(*([Fault.refuse()] if down else []))


def _no_name(deployment: Deployment, down: bool) -> None:
    flag = deployment.tmp / "dns-down"
    if down:
        flag.touch()
    else:
        flag.unlink(missing_ok=True)


def _untrusted(deployment: Deployment, down: bool) -> None:
    """Have the function trust another authority than the one that signed Firehose's name."""
    bundle = deployment.tmp / "authorities.pem"
    deployment.variables["AWS_CA_BUNDLE"] = str(bundle)
    fresh = deployment.tmp / "authorities.new"
    assert deployment.firehose.ca_file is not None
    if down:
        with tempfile.TemporaryDirectory() as folder:
            shutil.copyfile(certificate.server_context(Path(folder))[1], fresh)
    else:
        shutil.copyfile(deployment.firehose.ca_file, fresh)
    fresh.rename(bundle)


def _error(code: str, message: str, status: int = 400) -> Fault:
    return Fault.error_answer(code, message, status)


TROUBLES = {
    trouble.name: trouble
    for trouble in (
        Trouble("throttled", (Fault.throttling(),)),
        Trouble("unavailable", (Fault.unavailable(),)),
        Trouble("limits exceeded", (_error("LimitExceededException", "Limit exceeded", 429),)),
        Trouble("5 % fail", (Fault.partial(0.05),), many=True),
        Trouble("50 % fail", (Fault.partial(0.5),), many=True),
        Trouble("95 % fail", (Fault.partial(0.95),), many=True),
        Trouble("500", (Fault.internal_failure(),)),
        Trouble("500, stored", (Fault.internal_failure(stored=True),)),
        Trouble("502", (Fault.http(502),)),
        Trouble("503", (Fault.http(503),)),
        Trouble("504", (Fault.http(504),)),
        Trouble("reset before body", (Fault.reset_before_body(),)),
        Trouble("reset after body", (Fault.reset_after_body(),)),
        Trouble("reset, stored", (Fault.reset_after_body(stored=True),)),
        Trouble("never answers", (Fault.hang(),)),
        Trouble("black hole", (Fault.black_hole(),)),
        Trouble("drips", (Fault.drip(40),)),
        Trouble("cut answer", (Fault.truncated(),)),
        Trouble("not JSON", (Fault.not_json(stored=False),)),
        Trouble("wrong counts", (Fault.wrong_counts(responses=-1, failed=1),), many=True),
        Trouble("no such host", switch=_no_name),
        Trouble("refused", switch=_refuse),
        Trouble("TLS not trusted", switch=_untrusted, tls=True),
        Trouble("expired token", (Fault.expired_token(),)),
        Trouble("access denied", (Fault.access_denied(),)),
        Trouble("unknown stream", (Fault.not_found(),)),
        Trouble("KMS", (Fault.invalid_kms_resource(),)),
    )
}
