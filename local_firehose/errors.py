"""Errors that the service answers with, and the one delivery may end in."""

from __future__ import annotations


class ServiceError(Exception):
    """An error answer of the service.

    Args:
        code: error type as it stands in `__type` of the body, for example `ValidationException`.
        message: text for people.
        status: HTTP status; 400 where the service model names none.
        fields: further members of the body, for example `code` of `InvalidKMSResourceException`.
    """

    def __init__(
        self, code: str, message: str, status: int = 400, fields: dict[str, str] | None = None
    ) -> None:
        super().__init__(f"{code} ({status}): {message}")
        self.code = code
        self.message = message
        self.status = status
        self.fields = dict(fields or {})

    def body(self) -> dict[str, object]:
        """Return the awsJson 1.1 body of this error."""
        return {"__type": self.code, "message": self.message, **self.fields}

    def again(self) -> ServiceError:
        """Return an equal error: one object raised by many threads would mix their traces."""
        return ServiceError(self.code, self.message, self.status, self.fields)


class DeliveryError(Exception):
    """A buffer could not be written to its bucket; it is kept and will be tried again."""
