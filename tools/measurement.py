"""The package's coverage by the tests that run meanwhile, and what it must be."""

from __future__ import annotations

import os
from pathlib import Path

import coverage

#: How coverage has child processes measure themselves, such as those that run tests.
_PASSED_ON = "COVERAGE_PROCESS_CONFIG"


class Measurement:
    """Branch coverage of the package by the tests that run meanwhile, in all their processes.

    Where there is no set-up for it, in a folder of other tests, nothing is measured.
    """

    def __init__(self) -> None:
        self._coverage: coverage.Coverage | None = None
        setup = Path("setup.cfg").absolute()
        if setup.is_file():
            data = setup.parent / "build" / "coverage" / "data"
            data.parent.mkdir(parents=True, exist_ok=True)
            self._coverage = coverage.Coverage(data_file=str(data), config_file=str(setup))
            self._coverage.erase()

    def __enter__(self) -> None:
        if self._coverage is not None:
            self._coverage.start()

    def __exit__(self, *_: object) -> None:
        if self._coverage is not None:
            self._coverage.stop()
            self._coverage.save()
            os.environ.pop(_PASSED_ON, None)

    def tell(self) -> bool:
        """Print what is missing, and the figure; False where it is too low."""
        if self._coverage is None:
            return True
        self._coverage.combine()
        figure = self._coverage.report()
        least = float(str(self._coverage.get_option("report:fail_under")))
        print(f"Branch coverage of the package: {figure:.1f} %; {least:.0f} % is the least.")
        return figure >= least
