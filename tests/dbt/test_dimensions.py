"""Accounts, people, owners and days as dimensions: who speaks for them, and the unknown members."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date, datetime

import pytest
from babel import Locale
from babel.core import get_global

from tests.dbt.conftest import PROJECT, DbtWarehouse

# a country as systems write it, and as the dimensions have it
COUNTRIES = {
    "de": "DE",
    "DEU": "DE",
    "Deutschland": "DE",
    " U.S.A. ": "US",
    "United States": "US",
    "Cote d'Ivoire": "CI",
    "Namibia": "NA",
    "Norway": "NO",
    " Middle Earth": "Middle Earth",
    " ": None,
}


@pytest.fixture(scope="module")
def dimensions(dbt_module: DbtWarehouse) -> Iterator[DbtWarehouse]:
    """One account of three records with two people, one lost customer, and a fiscal year from April."""
    dbt_module.raw(
        "hubspot",
        "owners",
        [
            {"id": "1", "email": "Rep@Us.com", "first_name": "Rea", "last_name": "Pratt", "team": "West"},
            {"id": "2", "email": "gone@us.com", "is_deleted": True},
        ],
    )
    dbt_module.raw(
        "hubspot",
        "companies",
        [
            {"id": "10", "name": "Acme old", "domain": "acme.com", "created_at": "2020-01-01", "is_deleted": True},
            {
                "id": "11",
                "name": "Acme",
                "domain": "WWW.acme.com",
                "country": "Germany",
                "industry": "RETAIL",
                "employee_count": 51,
                "owner_id": "1",
                "merged_ids": "10",
                "created_at": "2021-01-01",
            },
        ],
    )
    dbt_module.raw(
        "stripe",
        "customers",
        [
            {"id": "cus_1", "email": "ann@acme.com", "name": "ACME GmbH", "created_at": "2022-01-01"},
            {"id": "cus_2", "email": "solo@gmail.com", "name": "Solo", "country": "FR", "created_at": "2022-01-01"},
            *(
                {"id": f"cus_c{number}", "email": f"{number}@gmail.com", "country": text, "created_at": "2023-01-01"}
                for number, text in enumerate(COUNTRIES)
            ),
        ],
    )
    dbt_module.raw(
        "hubspot",
        "contacts",
        [
            {
                "id": "100",
                "email": "Ann@acme.com",
                "first_name": "Ann",
                "last_name": "Lee",
                "job_title": "CFO",
                "company_id": "11",
                "created_at": "2021-06-01",
            },
        ],
    )
    dbt_module.raw(
        "encharge",
        "people",
        [
            {"id": "e1", "email": "ann@acme.com", "first_name": "A.", "country": "Germany", "created_at": "2021-05-01"},
            {"id": "e2", "email": "bob@acme.com", "first_name": "Bob", "created_at": "2021-07-01"},
        ],
    )
    dbt_module.build("+dim_people", "+dim_accounts", "+dim_dates", fiscal_year_start=4)
    yield dbt_module


def test_the_living_company_speaks_for_the_account(dimensions: DbtWarehouse) -> None:
    (account,) = dimensions.dicts("select * from journey.dim_accounts where hubspot_company_id is not null")
    keys = {"account_key", "account_id", "owner_key"}
    assert {name: value for name, value in account.items() if name not in keys} == {
        "name": "Acme",
        "domain": "acme.com",
        "country": "DE",
        "industry": "RETAIL",
        "employee_count": 51,
        "company_size": "51-200",
        "hubspot_company_id": "11",
        "stripe_customer_id": "cus_1",
        "created_at": datetime(2020, 1, 1),
        "is_deleted": False,
        "has_crm": True,
        "has_billing": True,
    }
    assert (
        dimensions.value(
            "select o.name from journey.dim_accounts join journey.dim_owners as o using (owner_key) "
            "where domain = 'acme.com'"
        )
        == "Rea Pratt"
    )


def test_a_customer_alone_is_an_account_without_a_free_mail_domain(dimensions: DbtWarehouse) -> None:
    assert dimensions.rows(
        "select name, domain, country, company_size, has_crm from journey.dim_accounts "
        "where stripe_customer_id = 'cus_2'"
    ) == [("Solo", None, "FR", "unknown", False)]


def test_a_country_is_its_code_however_a_system_writes_it(dimensions: DbtWarehouse) -> None:
    expected = {f"cus_c{number}": code for number, code in enumerate(COUNTRIES.values())}
    accounts = "select stripe_customer_id, country from journey.dim_accounts "
    assert dict(dimensions.rows(accounts + "where starts_with(stripe_customer_id, 'cus_c')")) == expected
    people = "select source_id, country from journey.dim_people inner join journey.person_sources using (person_key) "
    assert dict(dimensions.rows(people + "where starts_with(source_id, 'cus_c')")) == expected


def test_every_country_is_known_by_its_codes_and_its_name() -> None:
    with (PROJECT / "seeds" / "country_names.csv").open(encoding="utf-8") as lines:
        known = {row["name"]: row["country"] for row in csv.DictReader(lines)}
    codes = set(known.values())
    assert len(codes) == 250 and {code.lower(): code for code in codes}.items() <= known.items()
    assert all(name == name.strip().lower() and "." not in name for name in known)
    names = {code: Locale("en").territories[code].lower().replace(".", "").replace("’", "'") for code in codes}
    assert [code for code, name in names.items() if known[name] != code] == []
    longer = get_global("territory_aliases")
    assert [
        name for name, code in known.items() if len(name) == 3 and code not in longer.get(name.upper(), [code])
    ] == []


def test_the_crm_speaks_for_a_person_and_the_gaps_are_filled(dimensions: DbtWarehouse) -> None:
    assert dimensions.rows(
        "select p.email, full_name, job_title, p.country, first_seen_at, lead_created_at, a.domain "
        "from journey.dim_people as p join journey.dim_accounts as a using (account_key) "
        "where p.person_key <> 'unknown' and p.email not similar to '[0-9]+@.*' order by p.email"
    ) == [
        ("ann@acme.com", "Ann Lee", "CFO", "DE", datetime(2021, 5, 1), datetime(2021, 5, 1), "acme.com"),
        ("bob@acme.com", "Bob", None, None, datetime(2021, 7, 1), datetime(2021, 7, 1), "acme.com"),
        ("solo@gmail.com", None, None, "FR", datetime(2022, 1, 1), None, None),
    ]


def test_owners_and_the_unknown_one(dimensions: DbtWarehouse) -> None:
    assert dimensions.rows("select owner_id, email, name, team, is_active from journey.dim_owners order by 1") == [
        ("1", "rep@us.com", "Rea Pratt", "West", True),
        ("2", "gone@us.com", "gone@us.com", "unknown", False),
        ("unknown", None, "unknown", "unknown", False),
    ]


@pytest.mark.parametrize(("plural", "key"), [("accounts", "account"), ("people", "person"), ("owners", "owner")])
def test_unknown_members(dimensions: DbtWarehouse, plural: str, key: str) -> None:
    assert dimensions.rows(f"select {key}_id from journey.dim_{plural} where {key}_key = 'unknown'") == [("unknown",)]


def test_days_without_a_gap_and_the_fiscal_calendar(dimensions: DbtWarehouse) -> None:
    first, last, days = dimensions.rows("select min(date_day), max(date_day), count(*) from journey.dim_dates")[0]
    assert (first, last, days) == (date(2016, 1, 1), date(2029, 12, 31), (last - first).days + 1)
    columns = "month, quarter, year, fiscal_year, fiscal_quarter, iso_week, day_of_week, is_weekend, is_month_end"
    assert dimensions.rows(
        f"select {columns} from journey.dim_dates "
        "where date_key in ('2024-02-29', '2024-03-31', '2024-04-01') order by date_key"
    ) == [
        (date(2024, 2, 1), date(2024, 1, 1), 2024, 2024, 4, 9, 4, False, True),
        (date(2024, 3, 1), date(2024, 1, 1), 2024, 2024, 4, 13, 7, True, True),
        (date(2024, 4, 1), date(2024, 4, 1), 2024, 2025, 1, 14, 1, False, False),
    ]
