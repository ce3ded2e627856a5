"""The list of faults fits the source: whether tests notice them is `make mutants`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutation.faults import Fault, all_faults

REPOSITORY = Path(__file__).resolve().parents[2]
FAULTS = all_faults()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_faults_text_stands_in_the_source_once(fault: Fault) -> None:
    assert (REPOSITORY / fault.path).read_text().count(fault.text) == 1
    assert fault.becomes != fault.text
    for selection in fault.tests:
        assert (REPOSITORY / selection.partition("::")[0]).exists(), selection


def test_names_are_unique_and_there_are_enough() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 20
