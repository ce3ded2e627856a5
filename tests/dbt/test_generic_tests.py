"""The project's own data tests, and what they say of a row that is wrong."""

from __future__ import annotations

import pytest

from tests.dbt.conftest import DbtWarehouse


def test_a_null_is_found_and_its_columns_are_named(dbt: DbtWarehouse):
    assert dbt.build("never_null_currencies")["never_null_currencies"] == "pass"
    query = "{{ test_never_null(ref('currencies'), ['currency', 'minor_unit_exponent', 'provider_exponent']) }}"
    dbt.execute(
        "update staging.currencies set minor_unit_exponent = null, provider_exponent = null where currency = 'JPY'"
    )
    assert dbt.evaluate(query) == [("minor_unit_exponent, provider_exponent", "JPY", None, None)]
    with pytest.raises(AssertionError, match="never_null_currencies: fail"):
        dbt.build("never_null_currencies")
