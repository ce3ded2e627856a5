"""The project's own data tests, and what they say of a row that is wrong."""

from __future__ import annotations

import pytest

from tests.dbt.conftest import DbtWarehouse

CURRENCIES = (
    "{{ test_entity_integrity(ref('currencies'), "
    "['currency', 'minor_unit_exponent', 'provider_exponent'], [['currency'], ['minor_unit_exponent', 'currency']]) }}"
)


@pytest.fixture
def currencies(dbt: DbtWarehouse) -> DbtWarehouse:
    assert dbt.build("entity_integrity_currencies")["entity_integrity_currencies"] == "pass"
    assert dbt.evaluate(CURRENCIES) == []
    return dbt


def test_a_null_is_found_with_its_columns_and_its_row(currencies: DbtWarehouse):
    currencies.execute(
        "update staging.currencies set minor_unit_exponent = null, provider_exponent = null where currency = 'JPY'"
    )
    assert currencies.evaluate(CURRENCIES) == [("NULL: minor_unit_exponent, NULL: provider_exponent", "JPY", 1)]
    with pytest.raises(AssertionError, match="entity_integrity_currencies: fail"):
        currencies.build("entity_integrity_currencies")


def test_two_rows_of_one_key_are_found_for_each_key_that_they_share(currencies: DbtWarehouse):
    currencies.execute("update staging.currencies set minor_unit_exponent = 3 where currency = 'JPY'")
    currencies.execute("insert into staging.currencies select * from staging.currencies where currency = 'JPY'")
    assert sorted(currencies.evaluate(CURRENCIES)) == [
        ("not unique: currency", "JPY", 2),
        ("not unique: minor_unit_exponent, currency", "3, JPY", 2),
    ]
    currencies.execute("update staging.currencies set currency = null where currency = 'JPY'")
    # a key of one column that is missing twice is no key twice, but a missing column is a NULL
    assert sorted(currencies.evaluate(CURRENCIES)) == [
        ("NULL: currency", "NULL", 1),
        ("NULL: currency", "NULL", 1),
        ("not unique: minor_unit_exponent, currency", "3, NULL", 2),
    ]


def test_a_foreign_key_that_leads_nowhere_is_found_with_its_rows(dbt: DbtWarehouse):
    references = (
        "{{ test_entity_integrity(ref('event_types'), ['event_type'], [['event_type']], "
        "{'channel': {'to': ref('channels'), 'field': 'channel'}}) }}"
    )
    dbt.build("entity_integrity_event_types")
    assert dbt.evaluate(references) == []
    held = dbt.value("select count(*) from staging.event_types where channel = 'email'")
    dbt.execute("delete from staging.channels where channel = 'email'")
    assert held and dbt.evaluate(references) == [("not in channels.channel: channel", "email", held)]


def test_a_value_that_is_not_accepted_is_found_with_its_row_and_null_is_not(currencies: DbtWarehouse):
    accepted = CURRENCIES.replace(
        ") }}", ", accepted_values={'minor_unit_exponent': [0, 2, 3], 'currency': ['EUR', 'JPY', 'USD']}) }}"
    )
    currencies.execute("delete from staging.currencies where currency not in ('EUR', 'JPY', 'USD')")
    assert currencies.evaluate(accepted) == []
    currencies.execute("update staging.currencies set currency = 'jpy', minor_unit_exponent = 1 where currency = 'JPY'")
    assert currencies.evaluate(accepted) == [
        ("not accepted: minor_unit_exponent 1, not accepted: currency jpy", "jpy", 1)
    ]
    currencies.execute("update staging.currencies set minor_unit_exponent = null where currency = 'jpy'")
    assert currencies.evaluate(accepted) == [("NULL: minor_unit_exponent, not accepted: currency jpy", "jpy", 1)]


def test_two_foreign_keys_that_lead_nowhere_are_found_apart(dbt: DbtWarehouse):
    dbt.build("entity_integrity_event_types")
    references = (
        "{{ test_entity_integrity(ref('event_types'), ['event_type'], [['event_type']], {"
        "'channel': {'to': ref('channels'), 'field': 'channel'}, "
        "'event_type': {'to': ref('channels'), 'field': 'channel'}}) }}"
    )
    held = dbt.value("select count(*) from staging.event_types where channel = 'email'")
    dbt.execute("delete from staging.channels where channel = 'email'")
    others = "select event_type from staging.event_types where event_type not in (select channel from staging.channels)"
    assert sorted(dbt.evaluate(references)) == [
        ("not in channels.channel: channel", "email", held),
        *sorted(("not in channels.channel: event_type", kind, 1) for (kind,) in dbt.rows(others)),
    ]


def test_the_seeds_pass_their_tests(dbt: DbtWarehouse):
    statuses = dbt.build("resource_type:seed")
    assert sum(name.startswith("entity_integrity_") for name in statuses) == 10
    assert set(statuses.values()) == {"success", "pass"}
