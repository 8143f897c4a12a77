"""Functions as people write them: unchanged by the layer, every line once, with what it knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.cases import Case, parameters

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(240),  # a first installation
    pytest.mark.conformance(
        table="Functions as people write them", columns=["python"], rows=["name"]
    ),
]


@pytest.mark.parametrize(("name", "python"), parameters())
def test_the_function_is_as_without_us_and_every_line_arrives(
    name: str, python: str, tmp_path: Path
) -> None:
    """Answers and output are those without the layer; each line arrives once, with its columns."""
    case = Case(name)
    case.verify(case.try_out(case.code(tmp_path, python), python))
