"""Columns of every line that a setting names: the user's own values, and the platform's."""

from __future__ import annotations

from firehose_logging._line.json_text import dumps, quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Environment(Protocol):
        """What is asked of the facts of the process."""

        function_name: str | None
        log_stream: str | None
        memory_size: str | None
        region: str | None


#: How ARNs begin where it is not ``arn:aws``, by the beginning of the region's name.
_PARTITIONS = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}


class Fields:
    """The columns that ``FIREHOSE_LOGGING_FIELDS`` names.

    Args:
        pairs: names and values; None as a value is the platform's.
        account_id: what Lambda answers whoever registers an extension; None until then.
    """

    __slots__ = ("_pairs", "account_id")

    def __init__(
        self, pairs: tuple[tuple[str, str | None], ...] = (), account_id: str | None = None
    ) -> None:
        self._pairs = pairs
        self.account_id = account_id

    def know_account(self, account_id: str) -> None:
        """Lambda has told the id of the account."""
        self.account_id = account_id

    @property
    def needs_account(self) -> bool:
        """Whether a column has the account's id in it."""
        return ("accountId", None) in self._pairs or ("functionArn", None) in self._pairs

    def members(self, environment: Environment) -> str:
        """The columns as JSON members, with a leading comma; those without a value are left out."""
        members = ""
        for name, value in self._pairs:
            found = self._of_platform(name, environment) if value is None else value
            if found is not None:
                members += f",{quote(name)}:{dumps(found)}"
        return members

    def _of_platform(self, name: str, environment: Environment) -> object:
        if name == "memorySize":
            size = environment.memory_size
            return int(size) if size and size.isdecimal() else size
        if name == "functionArn":
            return self._function_arn(environment)
        found: dict[str, str | None] = {
            "accountId": self.account_id,
            "region": environment.region,
            "logStream": environment.log_stream,
        }
        return found.get(name)

    def _function_arn(self, environment: Environment) -> str | None:
        region, name = environment.region, environment.function_name
        if not (region and name and self.account_id):
            return None
        partition = "aws"
        for start, other in _PARTITIONS.items():
            if region.startswith(start):
                partition = other
        return f"arn:{partition}:lambda:{region}:{self.account_id}:function:{name}"
