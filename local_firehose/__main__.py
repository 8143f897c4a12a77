"""`python -m local_firehose`: the local Firehose by itself, until SIGTERM, SIGHUP or SIGINT."""

from __future__ import annotations

import argparse
import json
import shlex
import signal
import sys
from pathlib import Path

from . import fault_names, parquet
from .bucket import Bucket, S3Bucket
from .certificate import NoCertificateToolError
from .errors import DeliveryError, ServiceError
from .server import LocalFirehose
from .stream import DeliveryStream

#: One set of keys and one region for this command and the functions of the local Lambda, which is
#: a package of its own and cannot be asked.
REGION = "eu-west-1"
ACCESS_KEY = "ASIALOCALLAMBDA00000"
SECRET_KEY = "local-lambda-secret-key"
SESSION_TOKEN = "local-lambda-session-token"

_EPILOG = """\
faults (each --fault NAME, NAME:NUMBER, either with *TIMES):
  {plain}
  partial:SHARE   share of records that fail, 0 to 1      http:STATUS   a bare HTTP status
  latency:MS      longer round trip                       drip:MS       answer byte by byte

examples:
  python -m local_firehose --bucket ./bucket --stream logs --compression GZIP
  python -m local_firehose --bucket ./bucket --stream logs --fault 'partial:0.5*3'

It prints the variables that point a producer at it, as lines for a shell, serves until SIGTERM,
SIGHUP or Ctrl-C, writes what is buffered, and prints what it counted as JSON.
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local_firehose",
        description="A local Amazon Data Firehose: Direct PUT in, objects in a folder out.",
        epilog=_EPILOG.format(plain="\n  ".join(_columns(list(fault_names.BY_NAME)))),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--stream", action="append", help="delivery stream, may be repeated (default: logs)")
    add("--bucket", default="bucket", help="folder, or with --s3-endpoint a bucket's name (bucket)")
    add("--s3-endpoint", metavar="URL", help="deliver to this S3 endpoint instead of a folder")
    add("--prefix", default="", help="of keys, may hold !{timestamp:yyyy/MM/dd} (empty)")
    add("--error-prefix", help="required when the prefix holds expressions")
    add("--compression", default="UNCOMPRESSED", help="UNCOMPRESSED, GZIP or ZIP (UNCOMPRESSED)")
    add("--file-extension", default="", help="replaces that of the compression")
    add("--delimiter", help="put after every record, \\n for a newline (nothing)")
    add("--buffer-seconds", type=int, default=60, help="0 to 900 (60)")
    add("--buffer-mib", type=int, help="1 to 128 (5; 64 with columns)")
    add(
        "--column",
        action="append",
        default=[],
        metavar="NAME:TYPE",
        help=f"convert to Parquet, with pyarrow; repeatable; types: {', '.join(parquet.TYPES)}",
    )
    add("--no-quota", action="store_true", help="no throughput quota (default: the region's)")
    add("--region", default=REGION, help=f"({REGION}, as of the local Lambda)")
    add("--access-key", default=ACCESS_KEY, help="(that of the local Lambda)")
    add("--secret-key", default=SECRET_KEY, help="(that of the local Lambda)")
    add("--session-token", help="token every call must carry (the local Lambda's, '' for none)")
    add("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    add("--port", type=int, default=0, help="0 for a free one (0)")
    add("--name", action="append", default=[], help="further name that the certificate is for")
    add("--tls", action="store_true", help="HTTPS with a throw-away certificate authority")
    add("--fault", action="append", default=[], metavar="FAULT", help="what goes wrong, see below")
    return parser


def _columns(names: list[str]) -> list[str]:
    return [", ".join(names[start : start + 5]) for start in range(0, len(names), 5)]


def _bucket(options: argparse.Namespace) -> Bucket | Path:
    if options.s3_endpoint is None:
        return Path(options.bucket)
    return S3Bucket(options.bucket, endpoint_url=options.s3_endpoint, region_name=options.region)


def _column(text: str) -> tuple[str, str]:
    name, colon, kind = text.partition(":")
    if not name or not colon:
        raise ValueError(f"--column {text!r}: use NAME:TYPE, for example requestId:string")
    return name, kind


def _open(options: argparse.Namespace) -> LocalFirehose:
    faults = [fault_names.parse(text) for text in options.fault]
    bucket = _bucket(options)
    columns = tuple(_column(text) for text in options.column) or None
    buffer_mib = options.buffer_mib
    if buffer_mib is None:
        buffer_mib = 5 if columns is None else parquet.LEAST_MIB
    delimiter = options.delimiter.replace("\\n", "\n") if options.delimiter else None
    streams = [
        DeliveryStream(
            name,
            bucket,
            prefix=options.prefix,
            error_prefix=options.error_prefix,
            compression=options.compression,
            buffer_seconds=options.buffer_seconds,
            buffer_mib=buffer_mib,
            columns=columns,
            throughput=None if options.no_quota else "region",
            append_delimiter=delimiter,
            file_extension=options.file_extension,
        )
        for name in options.stream or ["logs"]
    ]
    firehose = LocalFirehose(
        streams,
        region=options.region,
        access_key=options.access_key,
        secret_key=options.secret_key,
        session_token=_session_token(options),
        tls=options.tls,
        host=options.host,
        names=options.name,
        port=options.port,
    )
    firehose.faults.add(*faults)
    return firehose


def _session_token(options: argparse.Namespace) -> str | None:
    """The token asked for; by default the local Lambda's, which belongs to its key alone."""
    if options.session_token is None:
        return SESSION_TOKEN if options.access_key == ACCESS_KEY else None
    return options.session_token or None


def main(arguments: list[str] | None = None) -> int:
    """Serve until a signal comes; return the exit status: 0, 1 when the last flush failed.

    Args:
        arguments: the command line without the program; None for the process's own.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    stop = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
    # Blocked before any thread starts, so that only sigwait below receives them.
    signal.pthread_sigmask(signal.SIG_BLOCK, stop)
    try:
        firehose = _open(options)
    except (ValueError, OSError, NoCertificateToolError, ServiceError) as error:
        parser.error(str(error))
    for name, value in firehose.environment().items():
        print(f"export {name}={shlex.quote(value)}")
    print(f"# {firehose!r} is ready", flush=True)
    signal.sigwait(stop)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, stop)
    status = 0
    try:
        firehose.close()
    except DeliveryError as error:
        print(f"local Firehose: {error}", file=sys.stderr)
        status = 1
    print(json.dumps(firehose.ledger.balance(), indent=2))
    return status


if __name__ == "__main__":
    sys.exit(main())
