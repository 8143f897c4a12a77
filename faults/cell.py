"""One fault in one form, one policy, one transport, one end; and what became of every line."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from firehose_logging._delivery.journal import PREFIX
from firehose_logging._delivery.segment import SUFFIX
from firehose_logging._delivery.segment_reader import read_lines
from local_firehose import Fault
from tools.waiting import wait_until

from .account import Account, settle
from .catalogue import TROUBLES
from .deployment import REST, Deployment, held, masked
from .ends import FROZEN, HUNG, IDLE, IN_INVOCATION, RAISE, TIMEOUT

if TYPE_CHECKING:
    from pathlib import Path

    from local_lambda import InvocationResult, LocalLambda

#: Environments that may follow until everything the journal kept is delivered.
SUCCESSORS = 4

#: Seconds that an invocation may take that has an Init in it: nothing is wrong any more, but the
#: machine may be busy with other cells.
INIT_INSIDE = 60.0

#: What else may be so, and its variables. Without a journal only a process that is killed without
#: a word loses lines, since the others have the runtime's output as another way out.
BESIDES: dict[str, dict[str, str]] = {
    "undelivered": {"FIREHOSE_LOGGING_PASSTHROUGH": "undelivered"},
    "no journal": {
        "FIREHOSE_LOGGING_JOURNAL": "off",
        "FIREHOSE_LOGGING_PASSTHROUGH": "undelivered",
    },
    "tmp emptied": {},
    "children": {},
}


@dataclass(frozen=True)
class Cell:
    """What is run.

    Args:
        trouble: a name of the catalogue.
        form: ``passes``, ``flaps`` or ``stays``.
        policy: ``end``, ``periodic`` or ``adaptive``.
        end: how the process ends.
        transport: ``auto`` or ``boto3``.
        besides: what else is so, of ``BESIDES``; empty for nothing.
    """

    trouble: str
    form: str
    policy: str
    end: str
    transport: str = "auto"
    besides: str = ""

    def __str__(self) -> str:
        words = f"{self.trouble} {self.form}, {self.policy}, {self.end}, {self.transport}"
        return f"{words}, {self.besides}" if self.besides else words

    @property
    def load(self) -> tuple[int, int, int]:
        """Lines an invocation, bytes of each, and the bound of the buffer.

        What stays is logged more than buffer and journal together can hold of it.
        """
        many = TROUBLES[self.trouble].many
        if self.form == "stays":
            return (12, 300_000, 1_500_000) if many else (150, 4_000, 262_144)
        return (8, 300_000, 16_777_216) if many else (40, 200, 16_777_216)

    @property
    def variables(self) -> dict[str, str]:
        """The function's variables."""
        return {
            "FIREHOSE_LOGGING_FLUSH": self.policy,
            "FIREHOSE_LOGGING_INTERVAL": "0.5",
            "FIREHOSE_LOGGING_TRANSPORT": self.transport,
            "FIREHOSE_LOGGING_BUFFER_BYTES": str(self.load[2]),
            **BESIDES.get(self.besides, {}),
        }


@dataclass
class Outcome:
    """What came of a cell.

    Args:
        cell: what was run.
        account: the balance.
        kept: lines in the journal when the process had ended.
        recovered: lines that later processes tell to have taken over.
        changed: answers that are not those of the bare function.
        held: most milliseconds from an answer to our asking for the next event.
        problem: what else is wrong; empty when nothing is.
    """

    cell: Cell
    account: Account = field(default_factory=Account)
    kept: int = 0
    recovered: int = 0
    changed: int = 0
    held: float = 0.0
    problem: str = ""

    @property
    def good(self) -> bool:
        """Whether both promises were kept."""
        return not (self.account.unexplained or self.changed or self.problem)


def events(cell: Cell) -> list[dict[str, Any]]:
    """The events of the process that meets the trouble; the last one ends it, or nearly."""
    count, size, _ = cell.load
    load = {"lines": count, "bytes": size}
    made: list[dict[str, Any]] = [{"first": 1 + n * count, **load} for n in range(2)]
    if cell.besides == "children":
        made[0]["children"] = 4
    if cell.besides == "tmp emptied":
        made[-1]["empty"] = True
    if cell.end in (HUNG, FROZEN):
        made.append({"first": 1 + 2 * count, **load})
    elif cell.end != IDLE:
        made.append({"first": 1 + 2 * count, **load, "then": cell.end})
    return made


def end_in_a_call(deployment: Deployment, environment: LocalLambda, cell: Cell) -> InvocationResult:
    """Have the last delivery hang, whatever was wrong before."""
    deployment.firehose.faults.set(Fault.hang(times=1))
    before = len(deployment.firehose.ledger.calls)
    answer = environment.invoke(events(cell)[-1])
    if cell.end == FROZEN:
        environment.wait_frozen(REST)
    else:
        wait_until(lambda: len(deployment.firehose.ledger.calls) > before or environment.idle)
    return answer


def call(
    environment: LocalLambda, event: dict[str, Any], *, timeout: float | None = None
) -> InvocationResult:
    """Invoke, and wait until runtime and extension are done."""
    if event.get("then") == "timeout":
        timeout = TIMEOUT
    answer = environment.invoke(event, timeout=timeout)
    environment.wait_idle(REST)
    return answer


def run(cell: Cell, layer: Path | None, bare: dict[str, bytes] | None = None) -> Outcome:
    """Run a cell.

    Args:
        cell: what to run.
        layer: laid out as ``/opt``.
        bare: the bare function's answer to its last event, by end; see ``bare_answer``.
    """
    outcome = Outcome(cell)
    trouble = TROUBLES[cell.trouble]
    with Deployment(layer, cell.variables, tls=trouble.tls) as deployment:
        trouble.begin(deployment, cell.form)
        with deployment.environment() as environment:
            for number, event in enumerate(events(cell)):
                if number:
                    trouble.step(deployment, cell.form, number + 1)
                if cell.end in (HUNG, FROZEN) and number == 2:
                    trouble.end(deployment)
                    answer = end_in_a_call(deployment, environment, cell)
                else:
                    answer = call(environment, event)
                outcome.changed += _changed(event, answer, bare)
            if cell.end not in IN_INVOCATION:
                environment.shutdown()
            outcome.kept = len(journalled(deployment.tmp))
            trouble.end(deployment)
            if cell.end in IN_INVOCATION:
                # The same environment goes on with a new process.
                event = {"empty": True} if cell.besides == "tmp emptied" else {}
                outcome.changed += call(environment, event, timeout=INIT_INSIDE).payload != {
                    "logged": 0
                }
                # What its end still writes counts, too.
                environment.shutdown()
            outcome.held = held(environment)
            output = diverted(environment)
        for number in range(SUCCESSORS):
            if not journalled(deployment.tmp):
                break
            with deployment.environment() as environment:
                # Long enough for the policy to deliver: an SDK's import takes longer than
                # SIGTERM leaves, and longer still where the machine has other things to do.
                answer = call(environment, {"sleep": 2 + 1.5 * number})
                outcome.changed += answer.payload != {"logged": 0}
                environment.shutdown()
                output += diverted(environment)
        if journalled(deployment.tmp):
            outcome.problem = "the journal was not emptied"
        lines = deployment.lines()
        outcome.recovered = sum(line.get("recovered", 0) for line in lines)
        outcome.account = settle(deployment.accepted(), lines, output)
    return outcome


def diverted(environment: LocalLambda) -> list[dict[str, Any]]:
    """The lines of ours in the runtime's own output."""
    found = []
    for event in environment.output:
        # A process that is killed while it writes leaves a part of a line; it is written again.
        if event.text.startswith("{") and event.text.endswith("}") and '"seq":' in event.text:
            found.append(json.loads(event.text))
    return found


def _changed(event: dict[str, Any], answer: InvocationResult, bare: dict[str, bytes] | None) -> int:
    then = event.get("then")
    if then is None:
        return int(answer.payload != {"logged": event["lines"]} or bool(answer.function_error))
    return int(bare is not None and masked(answer.raw) != bare[then])


def bare_answer(end: str) -> bytes:
    """What the caller gets from the function without the layer."""
    with Deployment(None) as deployment, deployment.environment() as environment:
        return masked(call(environment, {"lines": 1, "then": end}).raw)


def bare_answers() -> dict[str, bytes]:
    """The same for every end inside of an invocation."""
    return {end: bare_answer(end) for end in (*IN_INVOCATION, RAISE)}


def journalled(tmp: Path) -> list[bytes]:
    """The lines that the journal files in a ``/tmp`` hold."""
    found: list[bytes] = []
    processes: dict[str, list[Path]] = {}
    for path in sorted(tmp.glob(f"{PREFIX}*{SUFFIX}")):
        processes.setdefault(path.name.partition(".journal")[0].rpartition(".")[0], []).append(path)
    for paths in processes.values():
        paths.sort(key=lambda path: int(path.name.split(".")[-2]))
        contents = [path.read_bytes() for path in paths]
        for data in contents:
            found += read_lines(data, contents[-1])
    return found
