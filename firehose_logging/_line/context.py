"""The columns that say where a line comes from: function, environment, invocation."""

from __future__ import annotations

import os
import sys
import time

from firehose_logging._line import line as _line
from firehose_logging._line.json_text import quote
from firehose_logging._line.schema import Schema

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import ContextVar, Token

    from firehose_logging._environment import Environment
    from firehose_logging._line.fields import Fields


#: Invocations of the past whose records may still be in somebody's queue.
_REMEMBERED = 256

#: Seconds. A record's own time is rounded in another way than ours in some versions of Python.
_ROUNDING = 2e-6


class Invocation:
    """What every line of one invocation says of it; made by ``Context``."""

    __slots__ = ("began", "columns", "environment", "head", "request_id", "tail")

    def __init__(self, request_id: str | None, began: float, head: str, tail: str) -> None:
        self.request_id = request_id
        #: Seconds since the epoch.
        self.began = began
        #: JSON members before those of the environment, and after them.
        self.head = head
        self.tail = tail
        #: All together, with these members of the environment.
        self.columns = ""
        self.environment: str | None = None

    def complete(self, environment: str) -> None:
        """Make the columns.

        Args:
            environment: its JSON members, as they are now.
        """
        self.columns = f"{self.head}{environment}{self.tail}"
        self.environment = environment


class Context:
    """Where lines come from right now; one a process.

    The invocation is that of the context variable, which asyncio tasks and whoever copies a
    context take along; where it is not set, that which began last in the process. Lines logged
    after an invocation belong to it until the next one begins, as they do in Lambda's own log.
    A record that is older than its invocation came through a queue or a buffer: it belongs to
    the one that ran when it was made.

    Args:
        environment: what Lambda says about this environment.
        fields: names and values of columns that every line has; None as a value is the platform's.
        fixed: whether lines have fixed columns.
        epoch: seconds since the epoch, now.
    """

    def __init__(
        self,
        environment: Environment,
        *,
        fields: tuple[tuple[str, str | None], ...] = (),
        fixed: bool = False,
        epoch: Callable[[], float] = time.time,
    ) -> None:
        self._environment = environment
        self._epoch = epoch
        #: Columns that a setting names; None when it names none.
        self.fields: Fields | None = None
        if fields:
            from firehose_logging._line.fields import Fields  # few have any

            self.fields = Fields(fields)
        #: The rules for the user's own members.
        self.schema = Schema(fixed=fixed, fields=[name for name, _ in fields])
        # All mutable state.
        #: Made when the function itself has imported context variables, as asyncio does: nobody
        #: else needs them, and the import would be a part of every cold start.
        self.scope: ContextVar[Invocation | None] | None = None
        self.instance_id = ""
        self.invocations = 0
        #: JSON members of every line, without those of an invocation, with a leading comma.
        self.environment_columns = ""
        #: That which began last in the process.
        self.current = _none(0.0)
        self._earlier: list[Invocation] = []
        self.renew()

    @property
    def request_id(self) -> str | None:
        """That of the invocation which began last; None when none is known to run."""
        return self.current.request_id

    @property
    def is_durable(self) -> bool:
        """Whether the lines of now have the column of a durable execution."""
        return ',"executionArn":' in self.columns

    @property
    def columns(self) -> str:
        """JSON members of every line of the function, with a leading comma."""
        scope = self.scope
        invocation = self.current if scope is None else scope.get() or self.current
        if invocation.environment is not self.environment_columns:
            invocation.complete(self.environment_columns)
        return invocation.columns

    def start(self, created: float, level: int | str, logger: str) -> str | None:
        """How a line of the function begins, up to its message; what each log call waits for.

        None where it is to be put together of its parts: of a logger or level that is new, or made
        before the invocation began, or by hand.

        Args:
            created: seconds since the epoch.
            level: as ``line.names`` has them.
            logger: its name.
        """
        scope = self.scope
        invocation = self.current if scope is None else scope.get() or self.current
        if invocation.environment is not self.environment_columns:
            invocation.complete(self.environment_columns)
        begun, text = _line.second
        try:
            named = _line.names[logger][level]
            fraction = created - begun
            if created < invocation.began:
                return None
            if not 0.0 <= fraction < 1.0:
                begun, text = _line.in_second(created)
                fraction = created - begun
            # An int takes longer to be six digits.
            return f"{text}{'%06d' % (fraction * 1_000_000.0)}{named}{invocation.columns}"  # noqa: UP031
        except (KeyError, TypeError, ValueError, OverflowError):
            return None

    def at(self, created: float) -> str:
        """``columns`` of a record that was made at ``created``, seconds since the epoch."""
        scope = self.scope
        invocation = self.current if scope is None else scope.get() or self.current
        if invocation.environment is not self.environment_columns:
            invocation.complete(self.environment_columns)
        try:
            if created < invocation.began:
                return self._before(created)
        except TypeError:
            pass  # a record that somebody made by hand
        return invocation.columns

    def _before(self, created: float) -> str:
        for invocation in reversed(tuple(self._earlier)):
            if invocation.began <= created:
                if invocation.environment is not self.environment_columns:
                    invocation.complete(self.environment_columns)
                return invocation.columns
        return self.environment_columns  # no id is better than a wrong one

    def renew(self) -> None:
        """Become a new instance, of which no invocation is known: when a snapshot is restored."""
        self._become()
        self.invocations = 0
        self._earlier.clear()
        self.current = _none(0.0)
        if self.scope is not None:
            self.scope.set(None)

    def fork(self) -> None:
        """Become a new instance that goes on with its parent's invocation."""
        self._become()

    def _become(self) -> None:
        # 8 random bytes tell a billion environments of one stream apart with odds of a collision
        # of 3 %; uuid would cost its import.
        self.instance_id = os.urandom(8).hex()
        self.environment_columns = self._environment_members()

    def change(self, *, fields: tuple[tuple[str, str | None], ...], fixed: bool) -> None:
        """Other columns of every line from now on; arguments as of ``Context``."""
        account = None if self.fields is None else self.fields.account_id
        self.fields = None
        if fields:
            from firehose_logging._line.fields import Fields  # few have any

            self.fields = Fields(fields, account)
        self.schema.change(fixed=fixed, fields=[name for name, _ in fields])
        self.environment_columns = self._environment_members()

    def know_account(self, account_id: str) -> None:
        """Lambda has told the id of the account; columns that name it have it from now on."""
        if self.fields is not None:
            self.fields.know_account(account_id)
            self.environment_columns = self._environment_members()

    def _environment_members(self) -> str:
        members = []
        if self._environment.function_name:
            members.append(f',"functionName":{quote(self._environment.function_name)}')
        if self._environment.function_version:
            members.append(f',"functionVersion":{quote(self._environment.function_version)}')
        members.append(f',"instanceId":"{self.instance_id}"')
        if self.fields is not None:
            members.append(self.fields.members(self._environment))
        return "".join(members)

    def end(self) -> None:
        """No invocation is known to run."""
        self._follow(_none(self._epoch() - _ROUNDING))
        if self.scope is not None:
            self.scope.set(None)

    def begin(
        self,
        request_id: str,
        *,
        trace_header: str | None = None,
        tenant_id: str | None = None,
        invocation_id: str | None = None,
        execution_arn: str | None = None,
    ) -> Token[Invocation | None] | None:
        """An invocation begins; its id is on every line from now on.

        Args:
            request_id: the invocation's.
            trace_header: value of the X-Ray header ("Root=1-...;Parent=...;Sampled=1") or of
                a W3C ``traceparent``.
            tenant_id: the tenant's, in a function with tenant isolation.
            invocation_id: of this attempt of the request, where the runtime tells it.
            execution_arn: of the durable execution that the invocation is a part of.

        Returns what ``leave`` takes; only who serves several requests at a time needs it.
        """
        self.invocations += 1
        members = [f',"requestId":{quote(request_id)}']
        if tenant_id:
            members.append(f',"tenantId":{quote(tenant_id)}')
        trace_id = trace_root(trace_header)
        if trace_id:
            members.append(f',"traceId":{quote(trace_id)}')
        if invocation_id:
            members.append(f',"invocationId":{quote(invocation_id)}')
        if execution_arn:
            members.append(f',"executionArn":{quote(execution_arn)}')
        tail = ',"coldStart":true' if self.invocations == 1 else ""
        began = self._epoch() - _ROUNDING
        invocation = Invocation(request_id, began, "".join(members), tail)
        self._follow(invocation)
        if self.scope is None and "contextvars" in sys.modules:
            self.scope = sys.modules["contextvars"].ContextVar("invocation", default=None)
        return None if self.scope is None else self.scope.set(invocation)

    def leave(self, token: Token[Invocation | None] | None) -> None:
        """The request is done, and this thread or task goes back to what it did before."""
        if self.scope is None or token is None:
            return
        try:
            self.scope.reset(token)
        except ValueError:
            pass  # ended in another context than it began in, as generators may be

    def _follow(self, invocation: Invocation) -> None:
        self._earlier.append(self.current)
        if len(self._earlier) > _REMEMBERED:
            del self._earlier[0]
        self.current = invocation


def _none(began: float) -> Invocation:
    return Invocation(None, began, "", "")


def trace_root(header: str | None) -> str | None:
    """The trace id of an X-Ray header or a W3C ``traceparent``; None when it has none."""
    if not header:
        return None
    if "=" not in header:
        # version-trace-parent-flags (https://www.w3.org/TR/trace-context/)
        parts = header.split("-")
        return parts[1] if len(parts) >= 4 and len(parts[1]) == 32 else None
    for part in header.split(";"):
        name, _, value = part.strip().partition("=")
        if name == "Root" and value:
            return value
    return None
