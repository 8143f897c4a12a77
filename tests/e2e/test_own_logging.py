"""Functions that set logging up themselves: with our handler, or in spite of our wrapper."""

from __future__ import annotations

import pytest

from support.e2e_lambda import deployed
from support.e2e_lines import Said, platform
from tools.waiting import wait_until

pytestmark = pytest.mark.e2e

NO_WRAPPER = {"AWS_LAMBDA_EXEC_WRAPPER": None}


def logged(during: int) -> list[Said]:
    """What the function logs in an invocation."""
    return [
        Said(during, "INFO", "user", "for your information"),
        Said(during, "WARNING", "user", "careful"),
    ]


def printed(during: int) -> Said:
    """What it prints."""
    return Said(during, "INFO", "stdout", "printed")


ERROR = Said(2, "ERROR", "awslambdaric", "LookupError: not there")


@pytest.mark.parametrize("log_format", ["Text", "JSON"])
@pytest.mark.parametrize(
    "setup", ["dict_config", "file_config", "in_code", "two_handlers", "queued"]
)
def test_a_handler_and_nothing_else(setup: str, log_format: str) -> None:
    """A FirehoseHandler made at import delivers with request ids, extras and platform lines."""
    with deployed("own_logging", {"SETUP": setup, **NO_WRAPPER}, log_format=log_format) as run:
        assert run.invoke().payload == "answer"
        run.invoke({"raise": True})
        run.shutdown()

        run.expect(*logged(1), *logged(2))
        assert not run.told
        (extra, _) = [line["left"] for line in run.lines if line.get("message") == "careful"]
        assert extra == 7
        assert len(platform(run.lines, "report")) == 2


def test_a_yaml_file_with_a_formatter() -> None:
    """A YAML config may set another formatter; its text becomes the message."""
    pytest.importorskip("yaml")
    with deployed("own_logging", {"SETUP": "yaml_config", **NO_WRAPPER}) as run:
        run.invoke()
        run.shutdown()
        run.expect(
            Said(1, "INFO", "user", "INFO|for your information"),
            Said(1, "WARNING", "user", "WARNING|careful"),
        )


def test_install_does_what_the_wrapper_does() -> None:
    """install() at import captures logging, output and errors; a second call changes nothing."""
    with deployed("own_logging", {"SETUP": "by_install", **NO_WRAPPER}) as run:
        run.invoke()
        run.invoke({"raise": True})
        run.shutdown()
        run.expect(*logged(1), printed(1), *logged(2), printed(2), ERROR)


def test_install_keeps_level_names_in_json() -> None:
    """Lambda's JSON formatter rounds a level down on the record itself; we see it before."""
    with deployed("own_logging", {"SETUP": "by_install", **NO_WRAPPER}, log_format="JSON") as run:
        run.invoke({"notice": True})
        run.shutdown()
        run.expect(*logged(1), Said(1, "NOTICE", "user", "hear ye"), printed(1))


@pytest.mark.parametrize("wrapper", [True, False])
@pytest.mark.parametrize("setup", ["in_code", "nothing"])
def test_the_decorator(setup: str, wrapper: bool) -> None:
    """lambda_handler changes neither answer nor error, and nothing arrives twice beside others."""
    variables = {"SETUP": setup, "DECORATED": "1", **({} if wrapper else NO_WRAPPER)}
    with deployed("own_logging", variables) as run:
        assert run.invoke().payload == "answer"
        error = run.invoke({"raise": True})
        run.shutdown()

        assert error.error_type == "LookupError"
        if wrapper:
            run.expect(*logged(1), printed(1), *logged(2), printed(2), ERROR)
        elif setup == "in_code":
            run.expect(*logged(1), *logged(2))
        else:
            run.expect()


@pytest.mark.parametrize("log_format", ["Text", "JSON"])
@pytest.mark.parametrize(
    ("setup", "first"),
    [
        ("in_code", []),
        ("dict_config", []),
        ("stream_handler", []),
        ("basic_config", [Said(0, "INFO", "user", "after basicConfig")]),
        ("cleared", [Said(0, "WARNING", "user", "after clear")]),
        ("by_install", []),
        ("queued_to_stdout", []),
        ("queued", []),
    ],
)
def test_the_wrapper_beside_other_set_ups(setup: str, first: list[Said], log_format: str) -> None:
    """Whatever the function does to the root logger, each line arrives once."""
    for framed in (True, False):
        options = {"log_format": log_format, "framed_log_fd": framed}
        with deployed("own_logging", {"SETUP": setup}, **options) as run:
            run.invoke()
            run.invoke({"raise": True})
            run.shutdown()
            run.expect(*first, *logged(1), printed(1), *logged(2), printed(2), ERROR)


def test_a_logger_that_does_not_propagate() -> None:
    """What only the function's own StreamHandler sees arrives once, with what its record knows."""
    with deployed("own_logging", {"SETUP": "no_propagation"}) as run:
        run.invoke()
        run.shutdown()
        run.expect(
            Said(1, "INFO", "user", "for your information"),
            Said(1, "WARNING", "user", "careful"),
            printed(1),
        )


def test_a_handler_made_too_late() -> None:
    """A handler made in the function says so once; its lines are delivered nevertheless."""
    variables = {"FIREHOSE_LOGGING_INTERVAL": "0.1", **NO_WRAPPER}
    with deployed("late", variables) as run:
        run.invoke()
        first = run.answers[0].request_id
        wait_until(
            lambda: run.invoke() and any(x.get("requestId") == first for x in run.lines),
            what="delivery during a later invocation",
        )
        assert run.invoke({"flush": True}).payload is True
        count = len(run.answers)
        run.expect(*(Said(n, "INFO", "user", "late") for n in range(1, count + 1)))
        run.shutdown()

        (told,) = run.told
        assert "make the handler (or call install()) while the module is imported" in told
