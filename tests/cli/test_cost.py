"""Dollars, by prices that are given."""

from __future__ import annotations

import json

import pytest

from firehose_logging._cli.prices import GB, Prices, Usage, bills, steps


@pytest.fixture
def cost(command):
    """Bills by the name of the way."""

    def run(*arguments):
        ran = command("cost", *arguments, "--format", "json")
        assert ran.status == 0, ran.err
        return {each["name"]: each for each in map(json.loads, ran.out.splitlines())}

    return run


def test_bills():
    """Bytes times price, hold, PUTs and queries; CloudWatch has its own bytes."""
    usage = Usage(
        invocations=1, lines=1, raw=GB, packed=GB, apart=2 * GB, cloudwatch=GB / 2,
        hold_gb_seconds=100, objects=2000, stored=GB, scans=1024,
    )  # fmt: skip
    found = bills(usage, Prices(firehose_per_gb=1, gb_second=0.01, athena_per_tb=5))

    assert [each.ingestion for each in found[:3]] == [1, 2, 0.25]
    assert (found[0].hold, found[0].s3, found[0].queries) == (1, 0.01, 5)
    assert found[0].total == pytest.approx(7.01)


def test_steps():
    """Firehose bills multiples of 5,120 bytes."""
    assert [steps(size) for size in (0, 1, 5120, 5121)] == [0, 5120, 5120, 10240]


@pytest.mark.e2e
def test_of_a_real_run(cost, bucket):
    """Both packings, and what CloudWatch would have had of it."""
    found = cost("--from", bucket.folder)

    full, apart, standard = list(found.values())[:3]
    assert 0 < full["gb"] < apart["gb"]
    assert 0 < standard["gb"] < full["gb"]
    assert all(each["as_of"] == Prices().as_of for each in found.values())


def test_of_an_estimate(cost):
    """Twice the invocations, twice the bytes; a price is an input."""
    one = cost("--invocations", "10M", "--lines", "5")
    two = cost("--invocations", "20M", "--lines", "5", "--price", "cloudwatch_per_gb=1")

    standard = "CloudWatch Logs, Standard"
    assert two[standard]["gb"] == pytest.approx(2 * one[standard]["gb"])
    assert two[standard]["ingestion"] == pytest.approx(two[standard]["gb"])


def test_prices_from_a_file(cost, tmp_path):
    """With the month they are of."""
    (tmp_path / "prices.json").write_text('{"as_of": "2027-01", "firehose_per_gb": 1}')
    found = cost("--invocations", "1M", "--lines", "1", "--prices", tmp_path / "prices.json")

    assert next(iter(found.values()))["as_of"] == "2027-01"


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ([], "--invocations N and --lines N"),
        (["--invocations", "1", "--lines", "1", "--price", "gold=1"], "unknown"),
        (["--invocations", "1", "--lines", "1", "--price", "gb_second=much"], "dollars are needed"),
        (["--invocations", "1", "--lines", "1", "--price", "gb_second"], "NAME=DOLLARS"),
        (["--invocations", "many", "--lines", "1"], "250k or 10M"),
    ],
)
def test_wrong_input_is_told(command, arguments, word):
    """With what is allowed."""
    ran = command("cost", *arguments)

    assert ran.status == 2
    assert word in ran.err


ESTIMATE = ("cost", "--invocations", "10M", "--lines", "5")


def test_for_people(command):
    """A table, what it is of, and how the ways compare."""
    out = command(*ESTIMATE).out

    assert "10,000,000 invocations, 80,000,000 lines" in out
    assert "prices as of" in out
    assert "CloudWatch Logs, Standard" in out
    assert "times as much as full records" in out


def test_where_ours_does_not_pay(command):
    """With a price that makes CloudWatch the cheaper way, that is said as well."""
    out = command(*ESTIMATE, "--price", "cloudwatch_per_gb=0.0001").out

    assert "lines are too few to pay" in out


def test_for_spreadsheets(command):
    """A header, and a row for each way."""
    rows = command(*ESTIMATE, "--format", "csv").out.splitlines()

    assert rows[0].startswith("way,GB billed")
    assert len(rows) == 7


def test_prices_that_cannot_be_read(command, tmp_path):
    """A file that is not there, or no JSON, is wrong input."""
    (tmp_path / "prices.json").write_text("{no")
    (tmp_path / "list.json").write_text("[1]")
    for name in ("prices.json", "list.json", "nowhere.json"):
        ran = command(*ESTIMATE, "--prices", tmp_path / name)

        assert ran.status == 2
        assert name in ran.err
