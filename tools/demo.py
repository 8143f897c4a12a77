"""The sample function in a local Lambda, and what its logs tell: `make demo`.

Everything shown is read from the objects that the local Firehose wrote, by the command that reads
a bucket on AWS. The exit status is 0 when every line arrived, once.

    python -m tools.demo [--timeline] [--out FOLDER]
"""

from __future__ import annotations

import argparse
import contextlib
import io
import shutil
import socket
import sys
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firehose_logging._cli import cost, report, story, verify
from firehose_logging._cli.lake import Lake
from firehose_logging._cli.prices import Prices, bills
from firehose_logging._cli.progress import Progress
from firehose_logging._cli.sources import FolderSource
from firehose_logging._cli.window import Window
from local_firehose import DeliveryStream, LocalFirehose
from local_lambda import Function, LocalLambda
from local_lambda.timeline import format_timeline, wants_colour
from tools import build_layer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local_lambda import TimelineEvent

ROOT = Path(__file__).resolve().parent.parent
LAYER = ROOT / "build" / "layer"
STREAM = "lambda-logs-direct-s3-no-cloudwatch"
TIMEOUT = 2.0  # seconds, the sample function's
PORT = 1234  # the listener's by default

EVENTS: list[tuple[str, dict[str, Any]]] = [
    ("logs a few lines", {"lines": 2}),
    ("raises an error", {"raise": "the demo asked for it"}),
    ("runs out of time", {"lines": 1, "sleep": 30}),
    ("is well again", {"lines": 1}),
]
#: What a month of such traffic would be.
MONTH = 10_000_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; 0 when every line arrived exactly once."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__.partition("\n")[0])
    parser.add_argument("--timeline", action="store_true", help="what happened, step by step")
    parser.add_argument(
        "--out", type=Path, default=ROOT / ".demo", help="where bucket and report go (.demo)"
    )
    given = parser.parse_args(arguments)
    bucket = given.out / "bucket"
    empty(bucket)
    layer()
    timeline, passed = run(bucket)
    with Lake(FolderSource(bucket), Window(), Progress("demo")).open() as lake:
        say("What the function logged, as it lies in the bucket")
        show_lines(lake)
        say("The balance")
        whole = balance(lake, passed)
        page = given.out / "report.html"
        html = report.render(lake, "The demo's logs", "the demo", report.MOST_LINES, whole=True)
        page.write_text(html, "utf-8")
    say("Where it is")
    print(f"  the bucket   {bucket}")
    print(f"  the report   {page}")
    # The extra's command is not installed in a clone; this is the same.
    command = f"{sys.executable} -m firehose_logging._cli"
    print(f"  ask it       {command} query --saved errors --from {bucket}")
    if given.timeline:
        say("What happened, step by step")
        for line in format_timeline(timeline, colour=wants_colour(sys.stdout)):
            print(f"  {line}")
    else:
        print("  the steps    make demo TIMELINE=1")
    return 0 if whole else 1


# -- the run -----------------------------------------------------------------------------------


def layer() -> None:
    """Build the layer as it is deployed; what it says is nobody's concern here."""
    with contextlib.redirect_stdout(io.StringIO()):
        build_layer.build(LAYER)


def run(bucket: Path) -> tuple[list[TimelineEvent], int]:
    """Invoke, freeze, thaw, shut down: what happened, and how much went to CloudWatch."""
    function = Function(
        ROOT / "sample_function",
        "app.handler",
        layers=[LAYER],
        timeout=TIMEOUT,
        name="sample",
        environment={},
    )
    with new_firehose(function, bucket) as firehose:
        deployed = replace(function, environment=variables(firehose))
        # As on the service where the machine lets us: /var/task and /opt are real paths then.
        with LocalLambda(deployed, isolation="auto") as env:
            for what, event in EVENTS:
                answer = env.invoke(event)
                env.wait_idle(10)
                error = answer.payload.get("errorType", "") if answer.function_error else ""
                took = f"{answer.answered_after * 1000:7.1f} ms"
                print(f"  an invocation that {what:<18} {took}  {error or 'ok'}")
            env.shutdown()
            timeline = [each for each in env.timeline if each.source != "output"]
            passed = len(env.output)
        firehose.flush()
    return timeline, passed


def new_firehose(function: Function, bucket: Path) -> LocalFirehose:
    """A local Firehose with the template's stream, for the function's credentials."""
    stream = DeliveryStream(
        STREAM,
        bucket=bucket,
        prefix="firehose/!{timestamp:yyyy/MM/dd/HH}/",
        error_prefix="firehose-errors/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd/HH}/",
        compression="GZIP",
    )
    return LocalFirehose(
        [stream],
        region=function.region,
        access_key=function.access_key,
        secret_key=function.secret_key,
        session_token=function.session_token,
    )


def variables(firehose: LocalFirehose) -> dict[str, str]:
    """The recommended mode: to CloudWatch goes only what Firehose did not take."""
    found = {
        "AWS_LAMBDA_EXEC_WRAPPER": "/opt/firehose_wrapper",
        "AWS_KINESIS_STREAM_NAME": STREAM,
        "FIREHOSE_LOGGING_PASSTHROUGH": "undelivered",
        "AWS_ENDPOINT_URL_FIREHOSE": firehose.endpoint_url,
    }
    port = listener_port()
    return found if port == PORT else {**found, "HTTP_LOGS_LISTENER_PORT": str(port)}


def listener_port() -> int:
    """The default port, or a free one where something of this machine has it."""
    for port in (PORT, 0):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)) as server:
            return int(server.getsockname()[1])
    return PORT


# -- what is shown -----------------------------------------------------------------------------


def show_lines(lake: Lake) -> None:
    """The lines by invocation; of the platform's events those that tell of an error."""
    names = ", ".join(story.COLUMNS)
    columns, rows = lake.run(
        f"SELECT {names} FROM logs WHERE type NOT LIKE 'platform.%' "  # noqa: S608 - names of ours
        "OR (type = 'platform.report' AND level = 'ERROR') ORDER BY timestamp, seq"
    )
    story.Printer("  ").show([dict(zip(columns, row, strict=True)) for row in rows])


def balance(lake: Lake, passed: int) -> bool:
    """What arrived and what it costs, in words and dollars; whether all of it arrived once."""
    settled = datetime.now(timezone.utc) + timedelta(days=1)
    found, unnumbered = verify.examine(lake, settled, whole=True)
    print(f"  {verify.verdict(found, unnumbered)}")
    print(f"  {passed} lines went to CloudWatch: only what Firehose does not take goes there.")
    usage = cost.measured(lake, scans=1)
    ours, _, standard = bills(usage, Prices())[:3]
    times = MONTH / max(usage.invocations, 1)
    mine = (ours.ingestion + ours.hold) * times
    print(
        f"  {MONTH / 1e6:.0f} million such invocations: ${mine:,.2f} "
        f"with full records, ${standard.ingestion * times:,.2f} in CloudWatch Logs "
        f"(us-east-1, prices as of {Prices().as_of})."
    )
    return bool(found) and all(each.whole and not each.duplicates for each in found)


def empty(folder: Path) -> None:
    """A new folder, without what an earlier demo left."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)
    folder.mkdir(parents=True)


def say(text: str) -> None:
    """A heading."""
    print(f"\n\x1b[1m{text}\x1b[0m" if wants_colour(sys.stdout) else f"\n{text}")


if __name__ == "__main__":
    sys.exit(main())
