"""Accounts, people, owners, days: who speaks for them, how they once were described, and the unknown members."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

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


def version(record: dict[str, Any], modified_at: str, extracted_at: str, **changed: Any) -> dict[str, Any]:
    """A version of a record."""
    return record | {"modified_at": modified_at, "extracted_at": extracted_at} | changed


GLOBEX = {
    "id": "20",
    "name": "Globex",
    "domain": "globex.com",
    "owner_id": "1",
    "lifecycle_stage": "customer",
    "created_at": "2019-01-01",
}
OLD_INITECH = {"id": "30", "name": "Old Initech", "domain": "initech.com", "created_at": "2018-01-01"}
INITECH = {"id": "31", "name": "Initech", "domain": "initech.io", "created_at": "2020-01-01"}
UMBRELLA = {"id": "cus_3", "name": "Umbrella Billing", "hubspot_company_id": "40", "created_at": "2023-01-01"}
HOOLI = {"id": "cus_4", "name": "Hooli", "country": "US", "created_at": "2023-01-01"}

# accounts that were once described otherwise; (source, stream) -> versions
PAST: dict[tuple[str, str], list[dict[str, Any]]] = {
    ("hubspot", "companies"): [
        version(GLOBEX, "2024-01-01", "2024-06-01"),
        # what describes the account is the same
        version(GLOBEX, "2024-07-01", "2024-07-02", stripe_customer_id="cus_none"),
        version(GLOBEX, "2024-09-01", "2024-09-02", name="Globex AG", owner_id="2"),
        version(OLD_INITECH, "2023-01-01", "2024-06-01"),
        version(OLD_INITECH, "2025-01-01", "2025-01-02", is_deleted=True),
        version(INITECH, "2023-01-01", "2024-06-01"),
        version(INITECH, "2025-01-01", "2025-01-02", merged_ids="30"),
        {"id": "40", "name": "Umbrella", "domain": "umbrella.com", "created_at": "2024-03-01"},
    ],
    ("hubspot", "property_history"): [
        {
            "id": f"{name}{changed_at}",
            "object_type": "companies",
            "object_id": "20",
            "property": name,
            "value": value,
            "changed_at": changed_at,
        }
        for name, value, changed_at in (
            ("hubspot_owner_id", "2", "2019-01-01"),
            ("hubspot_owner_id", "1", "2021-05-01"),
            ("hubspot_owner_id", "2", "2024-09-01"),
            ("lifecyclestage", "lead", "2020-01-01"),
            ("lifecyclestage", "customer", "2022-01-01"),
        )
    ],
    ("ledger", "holidays"): [
        {"id": day, "date": day, "name": name}
        for day, name in (("2024-05-27", "Memorial Day"), ("2024-07-06", "Company day"), ("2024-11-04", "Closed"))
    ],
    ("stripe", "customers"): [
        version(UMBRELLA, "2024-06-01", "2024-06-01"),
        version(HOOLI, "2024-06-01", "2024-06-01"),
        version(HOOLI, "2024-08-01", "2024-08-01", country="CA"),
        version(HOOLI, "2024-10-01", "2024-10-01", country="CA", is_deleted=True),
        # a version that came late, of a time between two others
        version(HOOLI, "2024-09-01", "2024-11-01", name="Hooli Inc", country="CA"),
        # the run does not know it yet
        version(HOOLI, "2026-02-01", "2026-02-01", name="Hooli of tomorrow"),
    ],
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
    for stream, rows in PAST.items():
        dbt_module.raw(*stream, rows)
    dbt_module.build("+dim_people", "+dim_accounts", "+dim_account_history", "+dim_dates", fiscal_year_start=4)
    yield dbt_module


def test_the_living_company_speaks_for_the_account(dimensions: DbtWarehouse) -> None:
    (account,) = dimensions.dicts("select * from journey.dim_accounts where hubspot_company_id = '11'")
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


HISTORY = """
    select valid_from, valid_to, is_observed, observed_from, {columns}
    from journey.dim_account_history as history
    inner join journey.dim_owners as owners using (owner_key)
    where account_key = (select max(account_key) from journey.dim_account_history where {record})
    order by valid_from
"""
ALWAYS = datetime(1900, 1, 1)


def at(text: str) -> datetime:
    """An instant."""
    return datetime.fromisoformat(text)


def test_the_past_of_an_account_is_known_from_versions_and_before_them_from_the_property_history(
    dimensions: DbtWarehouse,
) -> None:
    found = dimensions.rows(
        HISTORY.format(columns="history.name, owners.owner_id, crm_lifecycle_stage", record="hubspot_company_id = '20'")
    )
    watched = at("2024-01-01")
    assert found == [
        (ALWAYS, at("2020-01-01"), False, None, "Globex", "2", None),
        (at("2020-01-01"), at("2021-05-01"), False, None, "Globex", "2", "lead"),
        (at("2021-05-01"), at("2022-01-01"), False, None, "Globex", "1", "lead"),
        (at("2022-01-01"), at("2024-09-01"), False, watched, "Globex", "1", "customer"),
        (at("2024-09-01"), None, True, at("2024-09-01"), "Globex AG", "2", "customer"),
    ]


def test_companies_that_were_merged_have_one_history(dimensions: DbtWarehouse) -> None:
    """The one that stays speaks from its creation on, and before there was only the other."""
    found = dimensions.rows(
        HISTORY.format(columns="history.name, hubspot_company_id, is_deleted", record="hubspot_company_id = '31'")
    )
    assert found == [
        (ALWAYS, at("2020-01-01"), False, None, "Old Initech", "30", False),
        (at("2020-01-01"), None, False, at("2023-01-01"), "Initech", "31", False),
    ]


def test_a_customer_speaks_until_the_crm_knows_the_company(dimensions: DbtWarehouse) -> None:
    found = dimensions.rows(HISTORY.format(columns="history.name, has_crm", record="stripe_customer_id = 'cus_3'"))
    assert found == [
        (ALWAYS, at("2024-03-01"), False, None, "Umbrella Billing", False),
        (at("2024-03-01"), None, False, at("2024-06-01"), "Umbrella", True),
    ]


def test_a_late_version_changes_the_past_and_a_later_one_nothing(dimensions: DbtWarehouse) -> None:
    found = dimensions.rows(
        HISTORY.format(columns="history.name, history.country, is_deleted", record="stripe_customer_id = 'cus_4'")
    )
    assert found == [
        (ALWAYS, at("2024-08-01"), False, at("2024-06-01"), "Hooli", "US", False),
        (at("2024-08-01"), at("2024-09-01"), True, at("2024-08-01"), "Hooli", "CA", False),
        (at("2024-09-01"), at("2024-10-01"), True, at("2024-09-01"), "Hooli Inc", "CA", False),
        (at("2024-10-01"), None, True, at("2024-10-01"), "Hooli", "CA", True),
    ]


def test_holidays_are_no_working_days(dimensions: DbtWarehouse) -> None:
    assert dimensions.rows("""
        select date_day, is_holiday, holiday, is_working_day,
            working_day_number - (select working_day_number from journey.dim_dates where date_day = '2024-05-24')
        from journey.dim_dates
        where date_day in ('2024-05-24', '2024-05-25', '2024-05-27', '2024-05-28', '2024-07-06') order by date_day
    """) == [
        (date(2024, 5, 24), False, None, True, 0),
        (date(2024, 5, 25), False, None, False, 0),
        (date(2024, 5, 27), True, "Memorial Day", False, 0),
        (date(2024, 5, 28), False, None, True, 1),
        # a Saturday that is one as well
        (date(2024, 7, 6), True, "Company day", False, 29),
    ]


WORKED = """
    with spans as (
        select * from (values {spans}) as given (from_at, to_at)
    )
    select {{{{ business_minutes('from_at', 'to_at', 'from_days', 'to_days') }}}}
    from spans
    left join {{{{ ref('dim_dates') }}}} as from_days on {{{{ local_date('from_at') }}}} = from_days.date_day
    left join {{{{ ref('dim_dates') }}}} as to_days on {{{{ local_date('to_at') }}}} = to_days.date_day
    order by from_at, to_at
"""


@pytest.mark.parametrize(
    ("time_zone", "spans"),
    [
        (
            # New York is four hours behind in May, five from 3 November 2024 on; hours are 8 to 18 there
            "America/New_York",
            [
                # Friday 17:30 to Tuesday 8:20, Monday is Memorial Day: half an hour and twenty minutes
                ("2024-05-24 21:30", "2024-05-28 12:20", 50),
                # in the middle of the holiday nothing is worked
                ("2024-05-27 14:00", "2024-05-27 16:00", 0),
                ("2024-05-27 14:00", "2024-05-28 13:00", 60),
                # Friday 17:00 in summer time to Tuesday 9:00 in winter time, Monday closed
                ("2024-11-01 21:00", "2024-11-05 14:00", 120),
                # a whole week with that Monday: four days
                ("2024-10-30 12:00", "2024-11-06 13:00", 4 * 600),
                # beyond the calendar, no holidays are known: a day of ten hours, Monday to Tuesday
                ("2010-05-31 12:00", "2010-06-01 12:00", 600),
            ],
        ),
        # the same Friday evening in Berlin is past the working hours
        ("Europe/Berlin", [("2024-05-24 21:30", "2024-05-28 12:20", 380)]),
    ],
)
def test_business_minutes_leave_out_holidays(
    dimensions: DbtWarehouse, time_zone: str, spans: list[tuple[str, str, int]]
) -> None:
    given = ", ".join(f"(timestamp '{start}', timestamp '{end}')" for start, end, _ in spans)
    found = dimensions.evaluate(WORKED.format(spans=given), time_zone=time_zone)
    assert [minutes for (minutes,) in found] == [minutes for _, _, minutes in sorted(spans)]
