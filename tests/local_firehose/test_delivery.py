"""Buffering, compression, buckets and reading back."""

from __future__ import annotations

import gzip
import http.server
import json
import socket
import urllib.parse
import zipfile
from datetime import datetime, timedelta, timezone

import pytest
from botocore.config import Config
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local_firehose import (
    BrokenLineError,
    DeliveryError,
    DeliveryStream,
    Ledger,
    LocalFirehose,
    ManualClock,
    S3Bucket,
    read_lines,
    read_objects,
)
from local_firehose.delivery import Delivery
from support.servers import serving

ONE_TRY = Config(retries={"total_max_attempts": 1}, connect_timeout=10, read_timeout=10)
START = datetime(2026, 3, 1, 23, 59, 30, tzinfo=timezone.utc)
MIB = 1024 * 1024


@pytest.fixture
def clock():
    """A clock that stands still just before midnight."""
    return ManualClock(START)


@pytest.fixture
def deliver(tmp_path, clock):
    """A function that makes a delivery to a folder, with settings."""

    def make(**options):
        stream = DeliveryStream("logs", options.pop("bucket", tmp_path), **options)
        return Delivery(stream, clock, Ledger())

    return make


def bodies(root):
    """The objects of a folder, uncompressed, in key order."""
    return [item.data() for item in read_objects(root)]


class BrokenBucket:
    """A bucket that cannot be written until it is repaired."""

    name = "broken"

    def __init__(self):
        self.broken = True
        self.tried = []
        self.held = {}

    def check_key(self, key):
        pass

    def put(self, key, body, content_encoding):
        self.tried.append(key)
        if self.broken:
            raise ConnectionError("no route")
        self.held[key] = body

    def get(self, key):
        return self.held[key]

    def keys(self, prefix=""):
        return sorted(self.held)


def test_records_are_joined_with_nothing(deliver, tmp_path):
    """Records of several calls become one object without a delimiter, in order."""
    delivery = deliver()
    delivery.append([b"a", b"", b"b"])
    delivery.append([b"c"])

    keys = delivery.flush()
    assert bodies(tmp_path) == [b"abc"]
    assert keys == delivery.keys
    assert delivery.pending == 0


def test_delimiter_after_every_record(deliver, tmp_path):
    """AppendDelimiterToRecord adds one per record, even where the record ends in one."""
    delivery = deliver(append_delimiter="\n")
    delivery.append([b"a", b"b\n"])

    delivery.flush()
    assert bodies(tmp_path) == [b"a\nb\n\n"]


def test_nothing_to_flush(deliver, tmp_path):
    """Flushing an empty buffer writes no object."""
    assert deliver().flush() == []
    assert list(tmp_path.rglob("*")) == []


def test_full_buffer_is_an_object(deliver, tmp_path):
    """The record that fills the buffer is its last; what follows opens the next."""
    delivery = deliver(buffer_mib=1)
    delivery.append([b"a" * (MIB - 1)])
    assert delivery.due_in() == 300
    delivery.append([b"b", b"c"])
    assert delivery.due_in() == 0

    delivery.deliver_due()
    assert bodies(tmp_path) == [b"a" * (MIB - 1) + b"b"]
    assert delivery.pending == 1


def test_old_buffer_is_an_object(deliver, tmp_path, clock):
    """A buffer is written when its first record is as old as the interval, not before."""
    delivery = deliver(buffer_seconds=60)
    delivery.append([b"a"])
    clock.advance(59)
    delivery.append([b"b"])
    delivery.deliver_due()
    assert bodies(tmp_path) == []
    assert delivery.due_in() == 1

    clock.advance(1)
    delivery.deliver_due()
    assert bodies(tmp_path) == [b"ab"]
    assert delivery.due_in() is None


def test_key_has_the_arrival_of_the_oldest_record(deliver, clock):
    """The date in a key is when the first record came, though it is written the next day."""
    delivery = deliver(prefix="p/!{timestamp:yyyy/MM/dd}/", error_prefix="e/", buffer_seconds=900)
    delivery.append([b"a"])
    clock.advance(60)
    delivery.append([b"b"])

    (key,) = delivery.flush()
    assert key.startswith("p/2026/03/01/logs-1-2026-03-01-23-59-30-")


def test_gzip(deliver, tmp_path):
    """GZIP objects end in .gz and hold the records."""
    delivery = deliver(compression="GZIP")
    delivery.append([b"a\n" * 1000])

    (key,) = delivery.flush()
    assert key.endswith(".gz")
    assert gzip.decompress((tmp_path / key).read_bytes()) == b"a\n" * 1000
    assert (tmp_path / key).stat().st_size < 100


def test_zip(deliver, tmp_path):
    """ZIP objects hold one file with the records."""
    delivery = deliver(compression="ZIP")
    delivery.append([b"a\n", b"b\n"])

    (key,) = delivery.flush()
    assert key.endswith(".zip")
    with zipfile.ZipFile(tmp_path / key) as archive:
        assert len(archive.namelist()) == 1
    assert bodies(tmp_path) == [b"a\nb\n"]


def test_gzipped_records_in_uncompressed_objects(deliver, tmp_path):
    """Records that are gzip members make a readable .gz object with `file_extension`."""
    delivery = deliver(file_extension=".json.gz")
    delivery.append([gzip.compress(b'{"n":1}\n'), gzip.compress(b'{"n":2}\n')])

    (key,) = delivery.flush()
    assert key.endswith(".json.gz")
    assert read_lines(tmp_path) == [{"n": 1}, {"n": 2}]


def test_bucket_that_fails_is_tried_again(deliver, clock):
    """Records stay while the bucket fails and go out under the same key when it is back."""
    bucket = BrokenBucket()
    delivery = deliver(bucket=bucket)
    delivery.append([b"a"])
    with pytest.raises(DeliveryError, match=r"1 records could not be written.*no route"):
        delivery.flush()
    assert delivery.pending == 1
    assert delivery.due_in() == 5

    bucket.broken = False
    delivery.deliver_due()
    assert delivery.pending == 1
    clock.advance(5)
    delivery.deliver_due()
    assert list(bucket.held.values()) == [b"a"]
    assert len(set(bucket.tried)) == 1


def test_records_are_lost_after_a_day(deliver, clock):
    """A bucket that fails for over 24 hours loses the records, and the ledger says how many."""
    bucket = BrokenBucket()
    stream = DeliveryStream("logs", bucket)
    ledger = Ledger()
    delivery = Delivery(stream, clock, ledger)
    delivery.append([b"a", b"b"])
    clock.advance(86_400)
    delivery.deliver_due()
    assert (delivery.pending, ledger.expired_records) == (2, 0)

    clock.advance(6)
    delivery.deliver_due()
    assert (delivery.pending, ledger.expired_records) == (0, 2)


def test_the_server_delivers_by_itself(tmp_path, clock):
    """The server writes by interval without being asked, as its clock moves."""
    stream = DeliveryStream("logs", tmp_path, buffer_seconds=60)
    with LocalFirehose([stream], clock=clock) as firehose:
        clock.advance((datetime.now(timezone.utc) - START).total_seconds())
        client = firehose.client(config=ONE_TRY)
        client.put_record(DeliveryStreamName="logs", Record={"Data": b"a\n"})
        client.close()
        clock.advance(60)
        firehose.wait_for(lambda ledger: ledger.objects == 1, deadline=10)

        assert firehose.stream("logs").objects()[0].data() == b"a\n"
        assert firehose.ledger.delivered_records == 1


def test_interval_of_zero_delivers_each_call(tmp_path):
    """With buffer_seconds=0 a call is delivered at once."""
    with LocalFirehose([DeliveryStream("logs", tmp_path, buffer_seconds=0)]) as firehose:
        client = firehose.client(config=ONE_TRY)
        for number in range(1, 4):
            client.put_record(DeliveryStreamName="logs", Record={"Data": b"a"})
            firehose.wait_for(lambda ledger, n=number: ledger.objects == n, deadline=10)
        client.close()


def test_close_tells_of_a_broken_bucket():
    """Closing over a bucket that fails stops the server and raises."""
    firehose = LocalFirehose([DeliveryStream("logs", BrokenBucket())])
    client = firehose.client(config=ONE_TRY)
    client.put_record(DeliveryStreamName="logs", Record={"Data": b"a"})
    client.close()

    with pytest.raises(DeliveryError, match="bucket 'broken'"):
        firehose.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", firehose.port), timeout=10)


def test_two_streams_in_one_bucket(tmp_path):
    """A view of a stream shows its own objects only; the folder shows both."""
    streams = [DeliveryStream(name, tmp_path, prefix="p/") for name in ("one", "two")]
    with LocalFirehose(streams) as firehose:
        client = firehose.client(config=ONE_TRY)
        for name in ("one", "two"):
            line = json.dumps({"of": name}).encode() + b"\n"
            client.put_record(DeliveryStreamName=name, Record={"Data": line})
        client.close()
        assert firehose.stream("one").pending == 1
        assert firehose.stream("one").lines() == []
        firehose.flush()

        assert firehose.stream("one").lines() == [{"of": "one"}]
        assert read_lines(tmp_path, "p/") == [{"of": "one"}, {"of": "two"}]
        assert read_lines(tmp_path, "q/") == []


@pytest.mark.parametrize(
    ("data", "number"),
    [(b'{"a":1}\n{"a":\n', 2), (b'{"a":1}{"a":2}\n', 1), (b"1\n\n2\n", 2), (b"\xff\n", 1)],
)
def test_broken_line_is_found(deliver, tmp_path, data, number):
    """A line that is no JSON is told with object, line number and text."""
    delivery = deliver(prefix="p/")
    delivery.append([data])
    (key,) = delivery.flush()
    with pytest.raises(BrokenLineError, match=rf"line {number}: ") as caught:
        read_lines(tmp_path)

    assert (caught.value.key, caught.value.number) == (key, number)


def test_object_that_is_not_what_it_says(tmp_path):
    """An object that is no gzip in spite of its name is told with its key."""
    (tmp_path / "a.gz").write_bytes(b"plain")
    with pytest.raises(ValueError, match=r"object 'a\.gz' \(5 bytes\)"):
        read_lines(tmp_path)


def test_half_written_objects_are_not_seen(tmp_path):
    """A file that is being written does not show as an object."""
    (tmp_path / ".0123.part").write_bytes(b"{")

    assert read_objects(tmp_path) == []


class S3Stub(http.server.BaseHTTPRequestHandler):
    """As much of S3 as the bucket uses: put, get, list."""

    protocol_version = "HTTP/1.1"
    objects: dict[str, tuple[bytes, str | None]]

    def do_PUT(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.objects[self._path()] = (body, self.headers["Content-Encoding"])
        self._answer(b"")

    def do_GET(self):
        if "list-type=2" not in self.path:
            self._answer(self.objects[self._path()][0])
            return
        keys = (path.removeprefix("/store/") for path in sorted(self.objects))
        items = "".join(f"<Contents><Key>{key}</Key></Contents>" for key in keys)
        self._answer(f"<ListBucketResult>{items}</ListBucketResult>".encode())

    def _path(self):
        return urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)

    def _answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


#: Checksums are switched off so that the stub need not speak aws-chunked.
S3_CONFIG = Config(
    s3={"addressing_style": "path"},
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)


def s3_bucket(endpoint_url):
    """A bucket named `store` behind this endpoint."""
    return S3Bucket(
        "store",
        endpoint_url=endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=S3_CONFIG,
    )


def through_s3(bucket):
    """Send a line through a GZIP stream to this bucket; the view of the stream."""
    stream = DeliveryStream("logs", bucket, prefix="a b/", compression="GZIP")
    with LocalFirehose([stream]) as firehose:
        client = firehose.client(config=ONE_TRY)
        client.put_record(DeliveryStreamName="logs", Record={"Data": b'{"n":1}\n'})
        client.close()
        firehose.flush()
        assert firehose.stream("logs").lines() == [{"n": 1}]
        return firehose.stream("logs").keys


def test_s3_endpoint():
    """Objects go to an S3 endpoint, with Content-Encoding where the service sets it, and back."""
    handler = type("Handler", (S3Stub,), {"objects": {}})
    with serving(http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)) as server:
        bucket = s3_bucket(f"http://127.0.0.1:{server.server_port}")
        try:
            (key,) = through_s3(bucket)
            assert bucket.keys("a b/") == [key]
            assert read_lines(bucket) == [{"n": 1}]
        finally:
            bucket._client.close()

    ((path, (_, encoding)),) = handler.objects.items()
    assert (path, encoding) == (f"/store/{key}", "gzip")


def test_s3_endpoint_of_moto():
    """The same against moto's S3, where it is installed."""
    moto = pytest.importorskip("moto.server", reason="moto[server] is not installed")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        bucket = s3_bucket(f"http://{host}:{port}")
        bucket._client.create_bucket(Bucket="store")
        (key,) = through_s3(bucket)

        head = bucket._client.head_object(Bucket="store", Key=key)
        assert head["ContentEncoding"] == "gzip"
        assert bucket.keys("a b/") == [key]
        bucket._client.close()
    finally:
        server.stop()


steps = st.one_of(
    st.lists(st.binary(max_size=40), min_size=1, max_size=6),
    st.just("flush"),
    st.sampled_from([1, 29, 30, 61]),
    st.sampled_from(["break", "repair"]),
)


@given(
    steps=st.lists(steps, max_size=25),
    compression=st.sampled_from(["UNCOMPRESSED", "GZIP", "ZIP"]),
    seconds=st.sampled_from([0, 30, 60]),
    limit=st.sampled_from([10, 64, MIB]),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_bytes_in_are_bytes_out(steps, compression, seconds, limit):
    """Whatever is put, flushed, timed and broken: out comes what went in, in order, once."""
    clock, ledger, bucket = ManualClock(START), Ledger(), BrokenBucket()
    bucket.broken = False
    stream = DeliveryStream("logs", bucket, compression=compression, buffer_seconds=seconds)
    delivery = Delivery(stream, clock, ledger)
    delivery._limit = limit
    put = []
    for step in steps:
        if isinstance(step, list):
            delivery.append(step)
            put += step
        elif isinstance(step, int):
            clock.advance(step)
        elif step == "flush" and not bucket.broken:
            delivery.flush()
            assert delivery.pending == 0
        elif step in ("break", "repair"):
            bucket.broken = step == "break"
        delivery.deliver_due()
        assert len(put) == ledger.delivered_records + delivery.pending
    bucket.broken = False
    delivery.flush()

    objects = [read for key in delivery.keys for read in read_objects(bucket) if read.key == key]
    assert b"".join(item.data() for item in objects) == b"".join(put)
    assert ledger.delivered_records == len(put)
    assert ledger.delivered_bytes == sum(map(len, put))
    assert ledger.objects == len(bucket.held)
    assert all(len(item.data()) < limit + 40 for item in objects)


def test_day_of_a_manual_clock():
    """A manual clock moves both of its times by the same seconds, and only forward."""
    clock = ManualClock(START)
    clock.advance(90)

    assert (clock.now() - START, clock.monotonic()) == (timedelta(seconds=90), 90)
    with pytest.raises(ValueError, match="negative"):
        clock.advance(-1)
    with pytest.raises(ValueError, match="time zone"):
        ManualClock(datetime(2026, 1, 1))
