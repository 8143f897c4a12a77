"""What tests of the whole package share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.extensions_api import ExtensionsApi
from support.in_lambda import InLambda


@pytest.fixture
def extensions_api() -> Iterator[ExtensionsApi]:
    """An API that takes everything."""
    api = ExtensionsApi()
    yield api
    api.close()


@pytest.fixture
def in_lambda(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, extensions_api: ExtensionsApi
) -> Callable[..., InLambda]:
    """Makes the function's process, of variables that the platform would set."""
    return lambda **variables: InLambda(monkeypatch, tmp_path, extensions_api, **variables)
