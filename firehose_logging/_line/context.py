"""The columns that say where a line comes from: function, environment, invocation."""

from __future__ import annotations

import os

from firehose_logging._line.json_text import quote
from firehose_logging._line.schema import Schema

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firehose_logging._environment import Environment
    from firehose_logging._line.fields import Fields


class Context:
    """Where lines come from right now; one a process.

    ``columns`` is replaced as a whole, so that a thread reads one state or the next, never a
    mix; lines logged after an invocation belong to it until the next one begins, as they do in
    Lambda's own log.

    Args:
        environment: what Lambda says about this environment.
        fields: names and values of columns that every line has; None as a value is the platform's.
        fixed: whether lines have fixed columns.
    """

    def __init__(
        self,
        environment: Environment,
        *,
        fields: tuple[tuple[str, str | None], ...] = (),
        fixed: bool = False,
    ) -> None:
        self._environment = environment
        #: Columns that a setting names; None when it names none.
        self.fields: Fields | None = None
        if fields:
            from firehose_logging._line.fields import Fields  # few have any

            self.fields = Fields(fields)
        #: The rules for the user's own members.
        self.schema = Schema(fixed=fixed, fields=[name for name, _ in fields])
        # All mutable state.
        self.instance_id = ""
        self.request_id: str | None = None
        self.invocations = 0
        #: JSON members of every line of the function, with a leading comma.
        self.columns = ""
        #: The same without the invocation, for events that name their own.
        self.environment_columns = ""
        self.renew()

    def renew(self) -> None:
        """Become a new instance: when a snapshot is restored, or after a fork."""
        # 8 random bytes tell a billion environments of one stream apart with odds of a collision
        # of 3 %; uuid would cost its import.
        self.instance_id = os.urandom(8).hex()
        self.environment_columns = self._environment_members()
        self.request_id = None
        self.invocations = 0
        self.columns = self.environment_columns

    def know_account(self, account_id: str) -> None:
        """Lambda has told the id of the account; columns that name it have it from now on."""
        if self.fields is not None:
            self.fields.account_id = account_id
            before = self.environment_columns
            self.environment_columns = self._environment_members()
            self.columns = self.columns.replace(before, self.environment_columns)

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

    def fork(self) -> None:
        """Become a new instance that goes on with its parent's invocation."""
        parent, columns = self.environment_columns, self.columns
        request_id, invocations = self.request_id, self.invocations
        self.renew()
        self.request_id, self.invocations = request_id, invocations
        self.columns = columns.replace(parent, self.environment_columns)

    def end(self) -> None:
        """No invocation is known to run."""
        self.request_id = None
        self.columns = self.environment_columns

    def begin(
        self, request_id: str, *, trace_header: str | None = None, tenant_id: str | None = None
    ) -> None:
        """An invocation begins; its id is on every line from now on.

        Args:
            request_id: the invocation's.
            tenant_id: the tenant's, in a function with tenant isolation.
            trace_header: value of the X-Ray header ("Root=1-...;Parent=...;Sampled=1").
        """
        self.invocations += 1
        self.request_id = request_id
        members = [f',"requestId":{quote(request_id)}']
        if tenant_id:
            members.append(f',"tenantId":{quote(tenant_id)}')
        trace_id = trace_root(trace_header)
        if trace_id:
            members.append(f',"traceId":{quote(trace_id)}')
        members.append(self.environment_columns)
        if self.invocations == 1:
            members.append(',"coldStart":true')
        self.columns = "".join(members)


def trace_root(header: str | None) -> str | None:
    """The trace id of an X-Ray header; None when it has none."""
    for part in (header or "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == "Root" and value:
            return value
    return None
