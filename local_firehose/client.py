"""boto3 clients from one session."""

from __future__ import annotations

import functools
import threading
from typing import Any

# Making a client is not thread safe (boto3 guide, "Multithreading or multiprocessing with
# clients"); using one is.
_making = threading.Lock()


def new_client(service: str, **options: Any) -> Any:
    """Return a boto3 client; service models are read once a process, which takes most of its time.

    Args:
        service: for example `firehose`.
        options: further arguments of `boto3.client`.
    """
    with _making:
        return _session().client(service, **options)


@functools.cache
def _session() -> Any:
    import boto3  # imported by the first client, not by the server

    return boto3.session.Session()
