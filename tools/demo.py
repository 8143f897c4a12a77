"""The sample function in a local Lambda, its logs read back from the bucket, and a balance.

`make demo` runs this. Everything shown is read from the objects that the local Firehose wrote,
and compared with what the local CloudWatch saw; the exit status is 0 when all of it arrived.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import statistics
import sys
import time
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local_firehose import DeliveryStream, LocalFirehose
from local_lambda import Function, LocalLambda
from local_lambda.timeline import format_timeline, wants_colour

if TYPE_CHECKING:
    from collections.abc import Iterable

    from local_lambda import LogEvent

ROOT = Path(__file__).resolve().parent.parent
LAYER = ROOT / "build" / "layer"
BUCKET = ROOT / ".demo" / "bucket"
STREAM = "lambda-logs-direct-s3-no-cloudwatch"
TIMEOUT = 2.0  # seconds, the sample function's

#: Pairs of cold starts behind the last number.
PAIRS = 5

EVENTS: list[tuple[str, dict[str, Any]]] = [
    ("a normal one", {"lines": 3}),
    ("one that raises", {"raise": "the demo asked for it"}),
    ("one that times out", {"lines": 2, "sleep": 30}),
    ("and a normal one again", {"lines": 1}),
]

COLOURS = {"DEBUG": "2", "INFO": "32", "WARNING": "33", "ERROR": "31", "CRITICAL": "31;1"}
COLOUR = wants_colour(sys.stdout)


def main() -> int:
    """Run the demo; 0 when every line arrived exactly once."""
    started = time.monotonic()
    if not (LAYER / "firehose_wrapper").exists():
        print(f"no layer in {LAYER.relative_to(ROOT)}; run: make layer", file=sys.stderr)
        return 2
    empty(BUCKET)
    function = sample()
    say("1", f"The sample function in a local Lambda, logs to {STREAM}")
    with new_firehose(function) as firehose:
        environment = variables(firehose)
        seen = invoke_all(with_variables(function, environment))
        firehose.flush()
        lines = firehose.stream(STREAM).lines()
        keys = firehose.stream(STREAM).keys
        calls = len(firehose.ledger.calls)
        logged, billed = firehose.ledger.raw_bytes, firehose.ledger.billed_bytes
        say("2", "The objects in the bucket")
        for key in keys:
            print(f"  s3://bucket/{key}")
        show_lines(lines)
        added = cold_start_added(function, environment)
    say("4", "The balance")
    return balance(seen, lines, calls, logged, billed, added, time.monotonic() - started)


# -- the run -----------------------------------------------------------------------------------


def sample() -> Function:
    """The sample function with the layer, as deployed."""
    return Function(
        ROOT / "sample_function",
        "app.handler",
        layers=[LAYER],
        timeout=TIMEOUT,
        name="sample",
        environment={},
    )


def new_firehose(function: Function) -> LocalFirehose:
    """A local Firehose that accepts the function's credentials."""
    return LocalFirehose(
        [
            DeliveryStream(
                STREAM,
                bucket=BUCKET,
                prefix="firehose/!{timestamp:yyyy/MM/dd}/",
                error_prefix="firehose-errors/!{firehose:error-output-type}/",
                compression="GZIP",
            )
        ],
        region=function.region,
        access_key=function.access_key,
        secret_key=function.secret_key,
        session_token=function.session_token,
    )


def variables(firehose: LocalFirehose) -> dict[str, str]:
    """What is set in the function's configuration: two lines on AWS, one more here."""
    return {
        "AWS_LAMBDA_EXEC_WRAPPER": "/opt/firehose_wrapper",
        "AWS_KINESIS_STREAM_NAME": STREAM,
        "AWS_ENDPOINT_URL_FIREHOSE": firehose.endpoint_url,
    }


def with_variables(function: Function, environment: dict[str, str]) -> Function:
    """The function with its variables set."""
    return replace(function, environment=environment)


def invoke_all(function: Function) -> list[LogEvent]:
    """Invoke, freeze, thaw, shut down; returns what the local CloudWatch saw."""
    with LocalLambda(function) as env:
        for what, event in EVENTS:
            answer = env.invoke(event)
            env.wait_idle(10)
            timed_out = answer.payload.get("errorType") == "Sandbox.Timedout"
            then = "reset" if timed_out else "frozen" if env.wait_frozen(5) else "not frozen"
            error = answer.payload.get("errorType", "") if answer.function_error else ""
            outcome = paint("31", error) if error else "ok"
            print(
                f"  invoke {json.dumps(event):<42} {what:<24} answered in "
                f"{answer.answered_after * 1000:6.1f} ms: {outcome}, then {then}"
            )
        end = env.shutdown()
        runtime = end.runtime
        if runtime is not None:
            how = "ended by itself" if runtime.by_itself else "was killed"
            print(f"  SIGTERM: the runtime {how} after {runtime.after * 1000:.0f} ms")
        print("\n  timeline:")
        for line in format_timeline(
            (e for e in env.timeline if e.source != "output"), colour=COLOUR
        ):
            print(f"  {line}")
        return env.output


def cold_start_added(function: Function, environment: dict[str, str]) -> tuple[float, float]:
    """Median cold start without us and what we add to it, seconds, over alternating pairs."""
    bare: list[float] = []
    ours: list[float] = []
    for _ in range(PAIRS):
        for times, candidate in ((bare, function), (ours, with_variables(function, environment))):
            with LocalLambda(candidate) as env:
                before = time.monotonic()
                env.invoke({})
                times.append(time.monotonic() - before)
    pairs = [mine - plain for mine, plain in zip(ours, bare, strict=True)]
    return statistics.median(bare), statistics.median(pairs)


# -- what is shown -----------------------------------------------------------------------------


def show_lines(lines: list[dict[str, Any]]) -> None:
    """The lines of each invocation, in the order in which they were written."""
    say("3", "The log lines in them, by invocation")
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in lines:
        groups[line.get("requestId", "")].append(line)
    for request_id, group in sorted(groups.items(), key=lambda item: item[1][0]["timestamp"]):
        print(f"\n  {paint('1', request_id or 'outside any invocation')}")
        for line in sorted(group, key=lambda each: (each["timestamp"], each["seq"])):
            print(f"  {readable(line)}")


def readable(line: dict[str, Any]) -> str:
    """One line for people."""
    level = line["level"]
    text = line["message"] if "message" in line else short(line.get("record"))
    text = text if isinstance(text, str) else json.dumps(text)
    hidden = {
        "timestamp",
        "type",
        "level",
        "logger",
        "message",
        "requestId",
        "functionName",
        "record",
        "functionVersion",
        "instanceId",
        "seq",
        "coldStart",
        "stackTrace",
        "location",
        "errorType",
        "errorMessage",
    }
    more = " ".join(
        f"{key}={json.dumps(value)}" for key, value in line.items() if key not in hidden
    )
    if "stackTrace" in line:
        more += f" {line['errorType']} at {line.get('location', '?').rpartition('/')[2]}"
    if line.get("coldStart"):
        more += " cold start"
    source = line["logger"] if line["type"] == "function" else line["type"]
    text = text.replace("\n", " ⏎ ")
    return (
        f"{paint('2', line['timestamp'][11:23])} {paint(COLOURS.get(level, '0'), f'{level:<8}')} "
        f"{source:<26} {text[:90]} {paint('36', more.strip())}".rstrip()
    )


def short(record: Any) -> str:
    """The part of a platform event that people look for."""
    if not isinstance(record, dict):
        return str(record)
    parts = [str(record[key]) for key in ("status", "name", "state", "phase") if key in record]
    metrics = record.get("metrics") or {}
    parts += [
        f"{key} {value:g}" for key, value in metrics.items() if isinstance(value, int | float)
    ]
    return ", ".join(parts) or json.dumps(record)[:90]


def balance(
    seen: list[LogEvent],
    lines: list[dict[str, Any]],
    calls: int,
    logged: int,
    billed: int,
    added: tuple[float, float],
    took: float,
) -> int:
    """Print the closing balance; 0 when everything is accounted for."""
    missing = not_delivered(seen, lines)
    gaps, repeats = sequence_faults(lines)
    lost = sum(sum(line["lost"].values()) for line in lines if "lost" in line)
    numbered = sum(max(seqs) for seqs in sequences(lines).values())
    ratio = billed / max(logged, 1)
    instances = sequences(lines)
    balance_sheet = {
        "lines logged": f"{numbered} (numbered at the source by {len(instances)} instances)",
        "lines delivered": f"{len(lines)}, {repeats} of them twice",
        "lines lost": f"{lost} counted, {gaps} missing numbers",
        "seen by CloudWatch too": f"{len(seen)} lines, {len(missing)} of them not in the bucket",
        "calls to Firehose": str(calls),
        "bytes logged": str(logged),
        "bytes billed": f"{billed}, {ratio:.2f} x: every record counts as a multiple of 5,120",
        "cold start": f"{added[0] * 1000:.0f} ms to the first answer without the layer, "
        f"{added[1] * 1000:+.0f} ms with it (medians of {PAIRS} pairs on this machine)",
        "all of this took": f"{took:.0f} s",
    }
    for name, value in balance_sheet.items():
        print(f"  {name:<24}{value}")
    for event in missing:
        print(f"  {paint('31', 'missing')} {event.stream}: {event.text[:120]}")
    whole = not missing and not gaps and not repeats and not lost and bool(lines)
    verdict = (
        ("32;1", "Everything arrived, once.") if whole else ("31;1", "Not everything arrived.")
    )
    print(f"\n  {paint(*verdict)}")
    return 0 if whole else 1


def not_delivered(seen: Iterable[LogEvent], lines: list[dict[str, Any]]) -> list[LogEvent]:
    """What the local CloudWatch saw and the bucket does not hold.

    CloudWatch cuts output at line ends and adds level, time and request id in front of log
    lines, so an event counts as delivered when its first line ends in a line of a message.
    """
    texts: Counter[str] = Counter()
    for line in lines:
        message = line.get("message", "")
        text = str(message) if not isinstance(message, str) else message
        texts.update(text.split("\n"))
    missing = []
    for event in seen:
        first = event.text.split("\n")[0]
        candidates = [first, first.rpartition("\t")[2], first.removeprefix("[ERROR] ")]
        found = next((text for text in candidates if texts[text] > 0), None)
        if found is None:
            missing.append(event)
        else:
            texts[found] -= 1
    return missing


def sequences(lines: list[dict[str, Any]]) -> dict[str, list[int]]:
    """The numbers of the lines of each instance."""
    numbers: dict[str, list[int]] = defaultdict(list)
    for line in lines:
        numbers[line["instanceId"]].append(line["seq"])
    return numbers


def sequence_faults(lines: list[dict[str, Any]]) -> tuple[int, int]:
    """Missing numbers, and numbers that came twice."""
    gaps = repeats = 0
    for numbers in sequences(lines).values():
        gaps += max(numbers) - len(set(numbers))
        repeats += len(numbers) - len(set(numbers))
    return gaps, repeats


# -- small things ------------------------------------------------------------------------------


def empty(folder: Path) -> None:
    """A new folder, without what an earlier demo left."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)
    folder.mkdir(parents=True)


def say(number: str, text: str) -> None:
    """A heading."""
    print(f"\n{paint('1', f'{number}. {text}')}")


def paint(code: str, text: str) -> str:
    """Text in a colour, where the terminal shows colours."""
    return f"\x1b[{code}m{text}\x1b[0m" if COLOUR else text


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
