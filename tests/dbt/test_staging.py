"""Staging: the newest version at the run's instant, money in major units, nested lists as rows; the engine macros."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest

from tests.dbt.conftest import DbtWarehouse
from tests.dbt.raw_tables import COLUMNS, LEDGER_COLUMNS, SOURCES, TYPES, columns, streams


@pytest.fixture(scope="module")
def staged(dbt_module: DbtWarehouse) -> DbtWarehouse:
    """Versions of a few objects, staged on 1 June 2025."""
    may, june, july = "2025-05-01 00:00:00+00", "2025-06-01 00:00:00+00", "2025-07-01 00:00:00+00"
    customer = {"id": "cus_1", "created_at": "2025-01-01", "currency": "usd"}
    deleted = {"id": "cus_2", "created_at": "2025-01-01", "currency": "jpy", "balance": 1500}
    dbt_module.raw(
        "stripe",
        "customers",
        [
            customer | {"email": "old@a.com", "modified_at": may, "extracted_at": may},
            # a stale replay: extracted last, but an older state
            customer | {"email": "stale@a.com", "modified_at": "2025-01-02", "extracted_at": june},
            customer | {"email": "new@a.com", "modified_at": june, "extracted_at": june},
            customer | {"email": "future@a.com", "modified_at": july, "extracted_at": july},
            deleted | {"modified_at": may, "extracted_at": may},
            deleted | {"modified_at": june, "extracted_at": june, "is_deleted": True},
        ],
    )
    # two versions of one instant: the later load counts
    product = {"id": "prod_1", "created_at": may}
    loads = [product | {"name": name, "_dlt_load_id": load} for load, name in (("2", "second"), ("1", "first"))]
    dbt_module.raw("stripe", "products", loads, extracted_at=may)
    dbt_module.raw(
        "stripe",
        "prices",
        [
            {"id": "price_kwd", "currency": "kwd", "unit_amount": 12345},
            {"id": "price_fraction", "currency": "usd", "unit_amount_decimal": "0.012"},
        ],
        extracted_at=may,
    )
    lines = [{"amount": 300, "discount": "di_1"}, {"amount": 50, "discount": "di_2"}]
    dbt_module.raw(
        "stripe",
        "invoice_lines",
        [
            {"id": "il_1", "currency": "eur", "amount": 5000, "discount_amounts": lines},
            {"id": "il_2", "currency": "eur", "amount": 5000, "discount_amounts": []},
            {"id": "il_3", "currency": "eur", "amount": 5000},
        ],
        extracted_at=may,
    )
    note_lines = [
        {
            "id": "cnli_1",
            "invoice_line_item": "il_1",
            "amount": 1000,
            "discount_amount": 70,
            "taxes": [{"amount": 190, "tax_behavior": "exclusive"}, {"amount": 10, "tax_behavior": "inclusive"}],
            "type": "invoice_line_item",
        },
        {
            "id": "cnli_2",
            "invoice_line_item": None,
            "amount": 500,
            "discount_amount": 0,
            "tax_amounts": [{"amount": 95, "inclusive": False}],
            "type": "custom_line_item",
        },
    ]
    dbt_module.raw("stripe", "credit_notes", [{"id": "cn_1", "currency": "eur", "lines": note_lines}], extracted_at=may)
    for version, quantity in ((may, 1), (june, 2), (july, 3)):
        dbt_module.raw(
            "stripe",
            "subscription_items",
            [{"id": "si_1", "currency": "usd", "unit_amount": 999, "quantity": quantity, "modified_at": version}],
            extracted_at=version,
        )
    dbt_module.raw("hubspot", "contacts", [{"id": "1", "merged_ids": "2; 3;;1"}], extracted_at=may)
    dbt_module.build("staging", as_of="2025-06-01 00:00:00")
    return dbt_module


def test_the_newest_version_at_the_instant(staged: DbtWarehouse) -> None:
    assert staged.rows(
        "select customer_id, email, is_deleted, first_extracted_at from staging.stg_stripe__customers order by 1"
    ) == [
        ("cus_1", "new@a.com", False, datetime(2025, 5, 1)),
        ("cus_2", None, True, datetime(2025, 5, 1)),
    ]
    assert staged.value("select name from staging.stg_stripe__products") == "second"


def test_item_versions_up_to_the_instant(staged: DbtWarehouse) -> None:
    assert staged.rows(
        "select quantity, unit_amount from staging.stg_stripe__subscription_item_versions order by extracted_at"
    ) == [(1, Decimal("9.9900")), (2, Decimal("9.9900"))]


def test_money_is_in_major_units(staged: DbtWarehouse) -> None:
    assert staged.rows(
        "select balance, balance_minor, currency from staging.stg_stripe__customers where balance > 0"
    ) == [(Decimal("1500.0000"), 1500, "JPY")]
    assert staged.rows(
        "select unit_amount, unit_amount_minor, unit_amount_decimal from staging.stg_stripe__prices "
        "order by price_id desc"
    ) == [
        (Decimal("12.3450"), 12345, Decimal("12.345000000000")),
        (Decimal("0.0001"), None, Decimal("0.000120000000")),
    ]


def test_nested_lists_become_rows(staged: DbtWarehouse) -> None:
    assert staged.rows(
        "select invoice_line_id, discount_id, amount, amount_minor from staging.stg_stripe__invoice_line_discounts "
        "order by 2"
    ) == [("il_1", "di_1", Decimal("3.0000"), 300), ("il_1", "di_2", Decimal("0.5000"), 50)]
    assert staged.rows(
        "select credit_note_line_id, credit_note_id, invoice_line_id, amount, discount_amount, tax_amount, "
        "inclusive_tax_amount from staging.stg_stripe__credit_note_lines order by 1"
    ) == [
        ("cnli_1", "cn_1", "il_1", Decimal("10"), Decimal("0.7"), Decimal("1.9"), Decimal("0.1")),
        ("cnli_2", "cn_1", None, Decimal("5"), Decimal("0"), Decimal("0.95"), Decimal("0")),
    ]
    assert staged.rows("select winner_id, loser_id from staging.stg_hubspot__contact_merges order by 2") == [
        ("1", "2"),
        ("1", "3"),
    ]


def test_streams_without_rows_are_empty_tables(staged: DbtWarehouse) -> None:
    for source in SOURCES:
        for stream in COLUMNS[source]:
            staged.rows(f"select count(*) from staging.stg_{source}__{stream}")


@pytest.mark.parametrize("source", SOURCES)
def test_the_connectors_declare_the_columns_that_the_models_read(source: str) -> None:
    declared = {
        stream.name: {column.name: TYPES[column.kind] for column in stream.columns} for stream in streams(source)
    }
    for stream in COLUMNS[source]:
        read = {name: kind for name, kind in columns(source, stream).items() if name not in LEDGER_COLUMNS}
        assert {name: declared[stream].get(name) for name in read} == read, stream


MACROS = {
    "date_add": ("{{ date_add(\"date '2024-01-31'\", 1, 'month') }}", date(2024, 2, 29)),
    "date_add_negative": ("{{ date_add(\"date '2024-02-29'\", -1, 'year') }}", date(2023, 2, 28)),
    "timestamp_add": ("{{ timestamp_add(\"timestamp '2024-01-01'\", 90, 'minute') }}", datetime(2024, 1, 1, 1, 30)),
    "days_between": ("{{ days_between(\"date '2024-02-28'\", \"date '2024-03-01'\") }}", 2),
    "months_between": ("{{ months_between(\"date '2024-01-31'\", \"date '2024-02-01'\") }}", 1),
    "months_between_back": ("{{ months_between(\"date '2024-01-01'\", \"date '2022-12-31'\") }}", -13),
    "seconds_between": (
        "{{ seconds_between(\"timestamp '2024-01-01 00:00:00.9'\", \"timestamp '2024-01-01 00:00:02'\") }}",
        1,
    ),
    "month_of": ("{{ month_of(\"date '2024-02-29'\") }}", date(2024, 2, 1)),
    "month_end": ("{{ month_end(\"date '2024-02-03'\") }}", date(2024, 2, 29)),
    "local_date": ("{{ local_date(\"timestamp '2025-06-30 22:30:00'\") }}", date(2025, 7, 1)),
    "as_of_date": ("{{ as_of_date() }}", date(2026, 1, 1)),
    "utc": ("{{ utc(\"timestamptz '2025-06-30 22:30:00+02'\") }}", datetime(2025, 6, 30, 20, 30)),
    "json_text": ('{{ json_text("\'{\\"a\\":{\\"b\\":1}}\'", \'a.b\') }}', "1"),
    "json_text_null": ("{{ json_text(\"'{\\\"a\\\":null}'\", 'a') }}", None),
    "safe_cast": ("{{ safe_cast(\"'x'\", 'bigint') }}", None),
    "key": ("{{ key([\"'a'\", 'null', '1']) }}", "eb4487bdad6fad86d0d1fe882918b484"),
    "int_div": ("{{ int_div('99999999999999999999999999999999999999', 10) }}", 9999999999999999999999999999999999999),
    "ratio": ("{{ ratio(1, 0) }}", None),
    "from_minor": ("{{ from_minor(12345, \"'usd'\") }}", Decimal("123.4500")),
    "from_minor_negative": ("{{ from_minor(-5, \"'jpy'\") }}", Decimal("-5.0000")),
    "normalised_email": ("{{ normalised_email(\"' Ann+x@Acme.COM '\") }}", "ann+x@acme.com"),
    "normalised_email_none": ("{{ normalised_email(\"'ann at acme'\") }}", None),
    "email_local_part": ("{{ email_local_part(\"'billing+eu@acme.com'\") }}", "billing"),
    "normalised_domain": ("{{ normalised_domain(\"' HTTPS://www.Acme.co.uk:443/path '\") }}", "acme.co.uk"),
    "normalised_domain_none": ("{{ normalised_domain(\"'acme'\") }}", None),
    "normalised_name": ("{{ normalised_name(\"'Acme, Inc.'\") }}", "acme"),
    "percentile_disc": ("(select {{ percentile_disc('n', 0.5) }} from (values (1), (2), (4), (9)) as t (n))", 2),
    "string_agg": ("(select {{ string_agg('v', '/', 'n') }} from (values (2, 'a'), (1, 'b')) as t (n, v))", "b/a"),
    "date_spine": (
        "(select count(*) from ({{ date_spine(\"date '2024-01-31'\", \"date '2024-03-31'\") }}) as days)",
        61,
    ),
    "explode_dates_none": (
        "(select count(*) from ({{ date_spine(\"date '2024-01-02'\", \"date '2024-01-01'\") }}) as days)",
        0,
    ),
    "split_rows": ("(select count(*) from (select {{ split_rows(\"'a;b;c'\", ';') }} as part) as parts)", 3),
    "json_array_rows": (
        '(select max(element) from (select {{ json_array_rows("\'[{\\"a\\":1}]\'") }} as element) as rows)',
        '{"a":1}',
    ),
}


def test_macros(dbt: DbtWarehouse) -> None:
    """Each macro on values, compiled and executed by dbt in the zone Europe/Berlin."""
    query = "select " + ",\n".join(f"{expression} as {name}" for name, (expression, _) in MACROS.items())
    (row,) = dbt.evaluate(query, time_zone="Europe/Berlin")
    wrong = {
        name: (value, expected)
        for (name, (_, expected)), value in zip(MACROS.items(), row, strict=True)
        if value != expected
    }
    assert not wrong
