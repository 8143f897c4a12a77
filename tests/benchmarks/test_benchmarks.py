from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from benchmarks import hold, measure, metrics, page, plots, saving, tables
from benchmarks.__main__ import main
from benchmarks.anchor import THEN
from benchmarks.candidates import (
    ALL,
    BARE,
    DELIVERING,
    FUNCTIONS,
    OURS,
    REQUIREMENTS,
    STREAM,
    pinned,
)
from benchmarks.cost import Bill
from benchmarks.flush_simulation import Row
from benchmarks.metric import Entry, Metric
from benchmarks.paired import alternate, differences, figure
from benchmarks.services import Services
from local_lambda import TimelineEvent

ROOT = Path(__file__).resolve().parents[2]


def metric(median: float, **options) -> Metric:
    """A metric of ours and one other."""
    entries = [Entry(OURS.name, figure([median])), Entry("watchtower", figure([20.0, 30.0, 40.0]))]
    return Metric("Cold start", "time", "ms", entries, **options)


def test_every_round_measures_everybody_once_in_changing_order():
    """Nobody is always first, and results stand in the order of the rounds."""
    seen: list[str] = []

    def one(name: str) -> int:
        seen.append(name)
        return len(seen)

    results = alternate(["a", "b", "c"], 4, one)
    rounds = [seen[start : start + 3] for start in range(0, 12, 3)]
    assert all(sorted(names) == ["a", "b", "c"] for names in rounds)
    assert len({names[0] for names in rounds}) > 1
    assert all(values == sorted(values) and len(values) == 4 for values in results.values())


def test_no_further_round_begins_when_the_time_is_up():
    """Three there are in any case, so that there is a median."""
    results = alternate(["a"], 10, lambda _: 1, seconds=-1.0)
    assert results == {"a": [1, 1, 1]}


def test_differences_are_taken_within_a_round():
    """A round that was slow for all changes no difference."""
    results = {
        "bare": [{"ms": 10.0}, {"ms": 100.0}, {"ms": 20.0}, {"ms": 30.0}],
        "ours": [{"ms": 15.0}, {"ms": 105.0}, {"ms": 25.0}, {"ms": 35.0}],
    }
    found = differences(results, "bare", "ms")["ours"]
    assert (found.median, found.low, found.high) == (5.0, 5.0, 5.0)


def test_a_figure_shows_median_and_quartiles():
    """Of one value, or of equal ones, the median says it all."""
    assert figure([1.0, 2.0, 3.0, 4.0, 5.0]).show() == "3.0 (2.0 to 4.0)"
    assert figure([1.0, 2.0, 3.0, 4.0, 50.0]).most == 50.0
    assert figure([1234.0]).show(0) == "1,234"


@pytest.mark.parametrize(
    ("options", "values", "reached"),
    [
        ({}, [5.0], ""),
        ({"target": 5.0}, [5.0], "yes"),
        ({"target": 5.0}, [5.1], "no"),
        ({"target": 5.0, "bound": 6.0}, [4.5] * 20 + [6.5], "no"),
        ({"target": 5.0, "bound": 7.0}, [4.5] * 20 + [6.5], "yes"),
        ({"target": 5.0}, [4.0, 4.5, 4.9, 5.1, 5.5], "unsure"),
        ({"target": 5.0}, [1.0] * 20 + [4.9] + [90.0] * 20, "unsure"),
        ({"target": 5.0}, [1.0] * 32 + [4.9] + [90.0] * 8, "yes"),
    ],
)
def test_a_target_is_reached_or_not_or_that_cannot_be_said(options, values, reached):
    """By the median, as far as it can be trusted, and by every run where there is a bound."""
    made = Metric("Cold start", "time", "ms", [Entry(OURS.name, figure(values))], **options)
    assert made.reached == reached


def test_times_ours_is_left_out_where_ours_is_about_nothing():
    """A division by noise is no ratio."""
    assert metric(10.0).times(metric(10.0).entries[1]) == 3.0
    assert metric(0.01).times(metric(0.01).entries[1]) is None
    assert metric(-3.0).times(metric(-3.0).entries[1]) is None


def test_a_row_says_ours_theirs_ratio_version_and_target():
    """All that the one table promises."""
    (row,) = tables.rows([metric(10.0, target=10.0)], {"watchtower": "3.4.0"})
    assert row == (
        *("time", "10.0 ms", "watchtower 3.4.0", "30.0 (20.0 to 40.0) ms"),
        *("3.0", "<= 10 ms", "yes"),
    )
    assert tables.text([row]).splitlines()[1].startswith("time  10.0 ms  watchtower 3.4.0")
    assert tables.markdown([row]).splitlines()[2].startswith("| time | 10.0 ms | watchtower")


def test_a_missed_target_is_told_in_words():
    """The page says so by itself."""
    assert page.missed([metric(5.0, target=10.0)]) == "All were reached in this run."
    assert page.missed([metric(11.0, target=10.0)]) == "Not reached in this run: time (11.0 ms)."


def test_a_part_of_the_page_is_replaced_and_the_rest_kept():
    """A page without a place for a part is refused."""
    text = "before <!-- a -->old<!-- /a --> after"
    assert page.replaced(text, "a", "new") == "before <!-- a -->\n\nnew\n\n<!-- /a --> after"
    with pytest.raises(ValueError, match="no part between"):
        page.replaced(text, "b", "new")


def test_the_hold_is_counted_until_the_last_next():
    """Of runtime and extension, whoever is later; what comes between two invocations is not it."""
    events = [
        TimelineEvent(0.5, "runtime", "next"),
        TimelineEvent(1.0, "platform", "invoke"),
        TimelineEvent(1.1, "runtime", "response"),
        TimelineEvent(1.2, "runtime", "next"),
        TimelineEvent(1.4, "extension:x", "next"),
        TimelineEvent(2.0, "platform", "invoke"),
        TimelineEvent(2.1, "runtime", "response"),
        TimelineEvent(2.2, "extension:x", "next"),
        TimelineEvent(2.6, "runtime", "next"),
    ]
    assert hold.response_to_rest(events) == pytest.approx([300.0, 500.0])


def test_the_services_answer_at_their_round_trip():
    """The stand-in takes everything, counts it, and is as far away as Firehose."""
    with Services(round_trip=0.02) as services:
        url = services.variables()["OTEL_EXPORTER_OTLP_ENDPOINT"]
        other = next(one for one in DELIVERING if one.delivers_to == "sink")
        before = services.received(other)
        began = time.perf_counter()
        with urllib.request.urlopen(urllib.request.Request(url, b"{}"), timeout=10) as answer:
            assert answer.status == 200
        assert time.perf_counter() - began >= 0.019
        assert services.received(other) == before + 1
        assert min(hold.round_trips(1, services)) >= 19.0


def test_services_that_keep_nothing_count_what_arrives():
    """Ten million lines fit on no disk: they are counted, and nothing of them is kept."""
    with Services(keeps=False) as services:
        client = services.firehose.client()
        client.put_record(DeliveryStreamName=STREAM, Record={"Data": b'{"message": "one"}\n'})
        services.firehose.flush()
        assert services.firehose.ledger.delivered_records == 1
        stream = services.firehose.stream(STREAM)
        assert stream.pending == 0
        with pytest.raises(KeyError):
            stream.objects()


def test_a_stamped_program_knows_when_it_began(tmp_path):
    """The wrapper of the candidate comes after the stamp, with its variable as the platform's."""
    wrapper = tmp_path / "wrapper"
    wrapper.write_text('#!/bin/sh\nWRAPPED=yes exec "$@"\n')
    wrapper.chmod(0o755)
    program = (
        "import json, os, time; print(json.dumps([os.environ['AWS_LAMBDA_EXEC_WRAPPER'],"
        " time.monotonic() - float(os.environ['BENCH_BEGAN']), 'BENCH_WRAPPER' in os.environ,"
        " os.environ.get('WRAPPED')]))"
    )
    stamp = ROOT / "benchmarks" / "children" / "stamp.py"
    done = subprocess.run(
        [sys.executable, "-IS", stamp, sys.executable, "-c", program],
        env={"BENCH_WRAPPER": str(wrapper), "AWS_LAMBDA_EXEC_WRAPPER": "the stamp itself"},
        capture_output=True,
        check=True,
        timeout=30,
    )
    named, seconds, left, wrapped = json.loads(done.stdout)
    assert named == str(wrapper)
    assert 0 < seconds < 30
    assert not left
    assert wrapped == "yes"


def test_every_candidate_has_its_function_and_its_pins():
    """A competitor without a version would be compared with something else next month."""
    assert ALL[0] is BARE
    for candidate in ALL:
        assert (FUNCTIONS / f"{candidate.module}.py").is_file(), candidate.name
        if candidate.package is not None:
            assert pinned(candidate.package), candidate.name
    for file in REQUIREMENTS.glob("*.txt"):
        assert pinned(file.stem), file


def test_the_page_has_a_place_for_every_part_and_picture():
    """What the command writes is what the page shows."""
    text = page.PAGE.read_text(encoding="utf-8")
    for name in (
        *(
            "machine",
            "targets",
            "cold start",
            "quickest",
            "first delivery",
            "log call",
            "log call ratios",
        ),
        *("throughput", "senders", "billed", "invocations", "shutdown", "cost", "flush policies"),
    ):
        page.replaced(text, name, "")
    for name in ("cold-start", "memory", "log-call", "billed-ratio"):
        assert f"(plots/{name}.svg)" in text


def test_metrics_and_charts_of_a_whole_run():
    """Every section of a run comes out in the table, in the parts and in the charts."""
    results = whole_run()
    found = metrics.all_metrics(results)
    assert {one.section for one in found} == {
        *("Cold start", "First delivery", "Log call", "Throughput", "Cost", "Invocations"),
        "Shutdown",
    }
    assert all(one.ours.name == OURS.name for one in found)
    assert sum(one.target is not None for one in found) == 17
    powertools = [e for one in found for e in one.entries if e.name == "Powertools Logger"]
    assert powertools
    assert {entry.note for entry in powertools} == {"ships nothing"}
    rounds = results["sections"]["cold start"]
    assert len(tables.quickest(rounds, BARE.name).splitlines()) == 2 + len(ALL)
    charts = plots.charts(found, results)
    assert [chart["file"] for chart in charts] == [
        *("cold-start", "memory", "log-call", "billed-ratio"),
    ]
    assert json.dumps(charts)
    names = [bar["name"] for bar in charts[0]["bars"]]
    assert "watchtower" in names
    assert THEN.name not in names
    assert set(measure.SECTIONS) == set(results["sections"])


TARGETS = {
    "time to the first answer, added / bare's own, AWS's emulator": 0.15,
    "memory at the first answer, more than bare, AWS's emulator": 1.5,
    "CPU until the first batch is delivered, times that of 0c4de4b, TLS": 0.5,
    "one log call with two extras, CPU, times bare, passthrough on (today)": 1.6,
    "one log call with two extras, CPU, times bare, passthrough off (today)": 0.75,
    "one print, CPU, times bare, passthrough on (today)": 2.0,
    "one print, CPU, times bare, passthrough off (today)": 1.0,
    "billed bytes per byte logged, most from 64 KiB a flush, 200 B lines": 1.02,
    "billed bytes per byte logged with gzip, most from 64 KiB a flush, 200 B lines": 0.2,
    "SIGTERM until 1 MiB is delivered, 20 ms round trip": 70.0,
    "SIGTERM until 1 MiB is delivered, 20 ms round trip, a call in flight hangs": 70.0,
    "`end`: hold after the response, less one round trip": 1.0,
    "answer without a flush, more than bare": 0.2,
}


def test_what_was_to_be_reached_is_judged():
    """Each figure against its own target; ratios are those of one round."""
    results = whole_run()
    found = {m.name: m for m in [*metrics.all_metrics(results), *metrics.of_calls(CALLS)]}
    assert {name: found[name].target for name in TARGETS} == TARGETS
    cold = found["time to the first answer, added / bare's own, AWS's emulator"]
    assert (cold.ours.value.median, cold.reached) == (pytest.approx(0.2), "no")
    assert [e.value.median for e in cold.entries if e.name == "watchtower"] == [0.0]
    first = found["CPU until the first batch is delivered, times that of 0c4de4b, TLS"]
    assert (first.ours.value.median, first.reached) == (pytest.approx(0.25), "yes")
    log = found["one log call with two extras, CPU, times bare, passthrough on (today)"]
    assert (log.ours.value.median, log.reached) == (pytest.approx(1.5), "yes")
    said = found["one print, CPU, times bare, passthrough off (today)"]
    assert (said.ours.value.median, said.reached) == (pytest.approx(1.5), "no")


def test_a_run_without_the_anchor_says_nothing_of_it():
    """Where its layer cannot be built, there is no row, and no target that was reached."""
    results = whole_run()
    for section in ("cold start", "first delivery"):
        del results["sections"][section][THEN.name]
    assert not [one for one in metrics.all_metrics(results) if "times that of" in one.name]


def test_stored_results_make_the_same_page(tmp_path):
    """What is stored is what the page is made of, and is stored again as it is."""
    results = measure.rounded(whole_run())
    measure.store(results, tmp_path / "bench.json")
    loaded = measure.load(tmp_path / "bench.json")
    assert page.parts(loaded) == page.parts(results)
    assert measure.rounded(loaded) == loaded
    assert "modules" not in (tmp_path / "bench.json").read_text(encoding="utf-8")


def test_a_number_keeps_the_digits_that_the_page_can_need():
    """Five of a figure, three of the many ratios of log calls; whole numbers as they are."""
    assert measure.rounded({"ms": [0.123456789], "lines": 1_234_567, "ratios": [0.98765]}) == {
        "ms": [0.12346],
        "lines": 1_234_567,
        "ratios": [0.988],
    }


def test_the_command_explains_itself(capsys):
    """Its help names commands and what they write."""
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    for word in ("run", "report", "set-up", "docs/benchmarks.md", "results.json"):
        assert word in text


def _calls(bare: float, ours: float) -> dict[str, object]:
    """One step as benchmarks.calls stores it."""
    names = ("now on", "now off", "0c4de4b on", "0c4de4b off")
    return {
        "bare": {"least cpu": [bare] * 3},
        **{name: {"least cpu": [ours] * 3} for name in names},
    }


CALLS = {
    "day": "today",
    "us a call": {"log call, two extras": _calls(10.0, 15.0), "print": _calls(2.0, 3.0)},
}


def whole_run() -> dict[str, object]:
    """Results as a run makes them, of two rounds."""
    facts = {"ms": 10.0, "mib": 5.0, "cpu_ms": 7.0, "modules": 100}
    ours = {"ms": 12.0, "mib": 6.0, "cpu_ms": 8.0, "modules": 100}
    then = {"ms": 13.0, "mib": 6.0, "cpu_ms": 11.0, "modules": 100}

    def started(names: list[str], first: str, second: str) -> dict[str, object]:
        kinds = {OURS.name: ours, THEN.name: then}
        return {
            name: [dict.fromkeys((first, second), kinds.get(name, facts))] * 2
            for name in [*names, THEN.name]
        }

    sent = {"lines": 2, "seconds": 1.0, "cpu": 0.5, "mib": 20.0, "bytes": 400, "billed": 5_120}
    loggers = {
        name: {"us": 9.0, "least": 8.0, "ratios": [1.0, 0.5]}
        for name in ("Lambda JSON", OURS.name, "Powertools Logger")
    }
    flushes = [{"size": 65_536, "line": 200.0, "ratio": 1.02, "line_by_line": 25.6}]
    pairs = {"ours": [2.0, 3.0], "bare": [1.0, 1.0]}
    warm = {"ms": [1.0, 2.0], "cpu_ms": [1.0]}
    return {
        "machine": {"cores": 2, "processor": "any", "system": "Linux", "python": "3.11"},
        "day": "2026-11-29",
        "versions": {"watchtower": "3.4.0"},
        "runtime": {"boto3": "1.2"},
        "seconds": 60,
        "sections": {
            "cold start": started([c.name for c in ALL], "rie", "local"),
            "first delivery": started([c.name for c in DELIVERING], "http", "tls"),
            "log call": {
                **{
                    threads: dict.fromkeys(
                        ("short", "typical", "exception", "twenty_extras"), loggers
                    )
                    for threads in ("1", "8")
                },
                "captured": {
                    what: {"bare": [8.0, 8.0], "captured": [17.0, 16.0]}
                    for what in ("log call", "print")
                },
            },
            "throughput": {
                "sizes": [sent],
                "senders": {c.name: [sent] for c in DELIVERING if c.delivers_to},
            },
            "billed": {
                lines: {"none": flushes, "gzip": flushes}
                for lines in ("200 B lines", "lines of ours")
            },
            "hold": {
                "round_trip": [20.0],
                **dict.fromkeys(("end", "periodic", "adaptive"), pairs),
            },
            "warm": {
                "without": dict.fromkeys((BARE.name, OURS.name), warm),
                "lines": {c.name: warm for c in DELIVERING},
            },
            "shutdown": {"at rest": [70.0, 80.0], "hung": [75.0, 80.0]},
            "month": [
                {**dict.fromkeys(Bill.__annotations__, 1.0), "name": name} for name in saving.ROWS
            ],
            "flush policies": [
                {**dict.fromkeys(Row.__annotations__, 1.0), "pattern": "steady", "policy": policy}
                for policy in ("end", "periodic", "adaptive")
            ],
        },
    }
