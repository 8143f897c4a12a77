"""Two streams, one of which takes nothing: the other one has what environments log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from local_firehose import DeliveryStream, Fault
from support.e2e_lambda import STREAM, deployed, open_firehose
from support.e2e_lines import assert_whole

pytestmark = pytest.mark.e2e

OTHER = "other"


@pytest.mark.parametrize("how", ["denied", "missing"])
def test_a_stream_that_takes_nothing_costs_no_line(how: str, tmp_path: Path) -> None:
    """Four environments, at home with one or the other: no gap, no repeat, nothing is held."""
    with open_firehose() as firehose:
        names = f"{OTHER},{STREAM}"
        if how == "denied":
            firehose.add_stream(DeliveryStream(OTHER, bucket=tmp_path))
            firehose.faults.add(Fault.access_denied().when(predicate=_goes_to_the_other))
        told: list[str] = []
        for number in range(4):
            variables = {"AWS_KINESIS_STREAM_NAME": names}
            with deployed(environment=variables, firehose=firehose) as run:
                run.do(["log", "INFO", f"first of {number}"])
                run.do(["log", "INFO", f"second of {number}"])
                run.shutdown()
                told += run.told
        firehose.flush()
        lines: list[dict[str, Any]] = list(firehose.stream(STREAM).lines())

        said = sorted(line["message"] for line in lines if line["type"] == "function")
        assert said == sorted(f"{n} of {i}" for i in range(4) for n in ("first", "second"))
        by_instance: dict[str, list[dict[str, Any]]] = {}
        for line in lines:
            by_instance.setdefault(line["instanceId"], []).append(line)
        for each in by_instance.values():
            assert_whole(each)
        assert all(f"stream {OTHER} is left" in text for text in told)
        assert all(line.get("code") in (None, "stream_changed") for line in lines)


def _goes_to_the_other(call: Any) -> bool:
    return bool(call.stream == OTHER)
