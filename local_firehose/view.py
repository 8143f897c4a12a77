"""Looking at one delivery stream of a running local Firehose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .reading import StoredObject

if TYPE_CHECKING:
    from .registry import Running


class StreamView:
    """What a delivery stream has taken and written; from `LocalFirehose.stream`."""

    def __init__(self, running: Running) -> None:
        self._delivery = running.delivery
        self.settings = running.settings

    @property
    def pending(self) -> int:
        """Return the number of records buffered and not yet written."""
        return self._delivery.pending

    @property
    def keys(self) -> list[str]:
        """Return the keys of the objects written so far, oldest first."""
        return self._delivery.keys

    def flush(self) -> list[str]:
        """Write what is buffered and return the keys written.

        Raises:
            DeliveryError: the bucket refused; the records are kept.
        """
        return self._delivery.flush()

    def objects(self) -> list[StoredObject]:
        """Return the objects written so far, oldest first; `flush` first to have all."""
        bucket = self._delivery.bucket
        return [StoredObject(key, bucket.get(key)) for key in self.keys]

    def lines(self) -> list[Any]:
        """Return every line written so far, parsed as JSON; `flush` first to have all.

        Raises:
            BrokenLineError: names object and line number of a line that is no JSON.
        """
        return [line for item in self.objects() for line in item.lines()]
