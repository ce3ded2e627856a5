"""Journey events, stages, deals, hand-offs and their marts, on the small world of `journey_world`."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.dbt.conftest import DbtWarehouse
from tests.dbt.journey_world import HUMAN, RAW, SITE, association, history

FOLDERS = ("channels", "events", "stages", "sales")
EVENTS = """
    select
        events.event_type, events.source_system, events.source_id, events.occurred_at,
        people.email, accounts.name as account,
        channels.channel, campaigns.name as campaign, owners.name as owner,
        events.is_touch, events.is_milestone, events.is_automated, events.label, events.direction, events.score_value
    from journey.fct_journey_events as events
    inner join journey.dim_people as people on events.person_key = people.person_key
    inner join journey.dim_accounts as accounts on events.account_key = accounts.account_key
    inner join journey.dim_channels as channels on events.channel_key = channels.channel_key
    inner join journey.dim_campaigns as campaigns on events.campaign_key = campaigns.campaign_key
    inner join journey.dim_owners as owners on events.owner_key = owners.owner_key
"""
STAYS = """
    select periods.stage, periods.entered_at, periods.is_regression, periods.is_skipped, periods.previous_stage
    from journey.fct_stage_periods as periods
    inner join journey.dim_accounts as accounts on periods.account_key = accounts.account_key
    inner join journey.dim_people as people on periods.person_key = people.person_key
    inner join staging.journey_stages as stages on periods.stage = stages.stage
    where periods.entity_type = ? and accounts.name = ? and (periods.entity_type = 'account' or people.email = ?)
    order by periods.entered_at, stages.stage_rank
"""


@pytest.fixture(scope="module")
def world(dbt_module: DbtWarehouse) -> DbtWarehouse:
    """The world, built once; the project's own tests of this part must hold on it."""
    for (source, stream), rows in RAW.items():
        dbt_module.raw(source, stream, rows)
    dbt_module.run(
        "path:models/staging", "+dim_people", "+dim_accounts", "+fct_mrr_movements", "+int_rate_days", "dim_dates"
    )
    dbt_module.build(*(f"path:models/journey/{folder}" for folder in FOLDERS))
    dbt_module.build(
        *("int_account_origins", "int_account_segments", "int_sales_segments", "funnel_cohorts", "lead_handoffs"),
        *("int_timeline_rows", "journey_timeline"),
    )
    return dbt_module


@pytest.fixture(scope="module")
def events(world: DbtWarehouse) -> list[dict[str, Any]]:
    """All journey events with their dimensions' names."""
    return world.dicts(EVENTS)


def of(events: list[dict[str, Any]], event_type: str, source_id: str | None = None) -> list[dict[str, Any]]:
    """Events of a type, in order of time and person."""
    found = [row for row in events if row["event_type"] == event_type and source_id in (None, row["source_id"])]
    return sorted(found, key=lambda row: (row["occurred_at"], row["email"] or ""))


def stays(world: DbtWarehouse, entity_type: str, account: str, email: str | None = None) -> list[tuple[Any, ...]]:
    """Stage periods of an entity: stage, entered_at, is_regression, is_skipped, previous_stage."""
    return world.rows(STAYS, [entity_type, account, email])


EMAIL_EVENTS = {
    "email_sent": ("v7", False, False),
    "email_delivered": ("v8", False, False),
    "email_replied": ("v13", True, False),
    "email_bounced": ("v14", False, False),
    "unsubscribed": ("v15", False, True),
    "lead_score_changed": ("v16", False, False),
    "tag_added": ("v17", False, False),
    "other": ("v18", False, False),
    "form_submitted": ("v2", True, True),
    "person_created": ("v4", False, False),
}


@pytest.mark.parametrize("event_type", EMAIL_EVENTS)
def test_email_and_web_events(events: list[dict[str, Any]], event_type: str) -> None:
    source_id, is_touch, is_milestone = EMAIL_EVENTS[event_type]
    (event,) = of(events, event_type)
    assert (event["source_id"], event["is_touch"], event["is_milestone"]) == (source_id, is_touch, is_milestone)
    assert not event["is_automated"]


def test_details_of_email_events(events: list[dict[str, Any]]) -> None:
    (sent,) = of(events, "email_sent")
    assert (sent["campaign"], sent["channel"], sent["label"]) == ("Spring Sale", "email", "Spring")
    assert of(events, "lead_score_changed")[0]["score_value"] == 40


def test_machines_open_and_click_but_never_touch(events: list[dict[str, Any]]) -> None:
    opened = of(events, "email_opened")
    assert [(row["source_id"], row["is_automated"], row["is_touch"]) for row in opened] == [
        ("v9", True, False),
        ("v10", False, True),
    ]
    assert [(row["is_automated"], row["is_touch"]) for row in of(events, "email_clicked", "v12")] == [(True, False)]


def test_anonymous_visits_join_who_identifies_next(events: list[dict[str, Any]]) -> None:
    visits = {row["source_id"]: row["email"] for row in of(events, "page_visited")}
    assert visits == {
        "v0": "ann@acme.com",
        "v1": "ann@acme.com",
        "v3": "bob@globex.com",
        "v5": "bob@globex.com",
        "v6": None,
    }


def test_event_of_an_unlisted_person_joins_by_address(events: list[dict[str, Any]]) -> None:
    assert [row["email"] for row in of(events, "email_clicked", "v19")] == ["bob@globex.com"]


def test_visits_take_the_channel_of_their_session(events: list[dict[str, Any]]) -> None:
    visits = {row["source_id"]: (row["channel"], row["campaign"]) for row in of(events, "page_visited")}
    assert visits["v0"] == visits["v1"] == ("paid_search", "brand-search")
    assert visits["v3"] == ("direct", "Unknown")
    assert of(events, "form_submitted")[0]["channel"] == "organic_search"


def test_engagements(events: list[dict[str, Any]]) -> None:
    assert [(row["source_id"], row["is_touch"], row["direction"]) for row in of(events, "call")] == [
        ("c1", True, "out"),
        ("c2", True, "out"),
    ]
    assert [(row["source_id"], row["direction"], row["owner"]) for row in of(events, "sales_email")] == [
        ("e1", "in", "Olga One"),
        ("e2", "out", "Olga One"),
    ]
    (note,), (task,) = of(events, "note"), of(events, "task")
    assert (note["account"], note["email"], note["is_touch"]) == ("Globex", None, False)
    assert (task["account"], task["label"], task["is_touch"]) == ("Acme", "Follow up", False)


def test_meetings_called_off_or_ahead(events: list[dict[str, Any]]) -> None:
    assert [(row["is_touch"]) for row in of(events, "meeting", "m1")] == [False]
    assert of(events, "meeting", "m2") == []


def test_merged_contacts_are_one_person_on_an_activity(events: list[dict[str, Any]]) -> None:
    assert [(row["email"], row["account"]) for row in of(events, "meeting", "m3")] == [
        ("ann@acme.com", "Acme"),
        ("cid.c@initech.com", "Initech"),
    ]


def test_deleted_records_leave_no_event(events: list[dict[str, Any]]) -> None:
    assert of(events, "call", "c3") == [] and of(events, "deal_created", "d4") == []


def test_deal_events(events: list[dict[str, Any]]) -> None:
    globex = [row for row in events if row["event_type"].startswith("deal_") and row["account"] == "Globex"]
    assert [row["event_type"] for row in sorted(globex, key=lambda row: row["occurred_at"])] == [
        "deal_created",
        "deal_lost",
        "deal_reopened",
        "deal_lost",
    ]
    assert [row["label"] for row in of(events, "deal_stage_changed")] == ["Contract", "New", "Contract"]
    assert [(row["occurred_at"], row["account"], row["channel"]) for row in of(events, "deal_won")] == [
        (datetime(2025, 3, 20), "Acme", "paid_search"),
        (datetime(2025, 9, 30), "Acme", "paid_search"),
    ]


def test_ticket_events(events: list[dict[str, Any]], world: DbtWarehouse) -> None:
    assert len(of(events, "ticket_opened", "t1")) == len(of(events, "ticket_closed", "t1")) == 1
    assert of(events, "ticket_closed", "t2") == []
    assert world.rows("select minutes_to_close, is_open, priority from journey.fct_tickets order by ticket_id") == [
        (90, False, "high"),
        (None, True, None),
    ]


def test_billing_events(events: list[dict[str, Any]]) -> None:
    stripe = [row for row in events if row["source_system"] == "stripe"]
    assert sorted((row["event_type"], row["source_id"], row["account"]) for row in stripe) == [
        ("cancellation_requested", "sub_1", "Acme"),
        ("invoice_failed", "ch_1", "Hooli"),
        ("invoice_paid", "in_1", "Hooli"),
        ("invoice_refunded", "re_1", "Hooli"),
        ("subscription_cancelled", "sub_1", "Acme"),
        ("subscription_started", "sub_1", "Acme"),
        ("subscription_started", "sub_2", "Acme"),
        ("subscription_started", "sub_3", "Hooli"),
        ("trial_started", "sub_1", "Acme"),
    ]
    assert not any(row["is_touch"] for row in stripe)


def test_stage_entries_carry_the_origin_of_the_person(events: list[dict[str, Any]]) -> None:
    entries = {(row["email"], row["label"]): row["channel"] for row in of(events, "stage_entered") if row["email"]}
    assert entries["ann@acme.com", "lead"] == "paid_search"
    assert entries["bob@globex.com", "lead"] == "email"
    assert entries["cid.c@initech.com", "sql"] == "referral"


def test_stages_of_a_person_in_order_with_a_skipped_one(world: DbtWarehouse) -> None:
    assert [row[0] for row in stays(world, "person", "Acme", "ann@acme.com")] == [
        "visitor",
        "subscriber",
        "lead",
        "mql",
        "sql",
        "opportunity",
        "customer",
    ]
    skipped = [row for row in stays(world, "person", "Acme", "ann@acme.com") if row[3]]
    assert skipped == [("sql", datetime(2025, 3, 1, 9), False, True, "mql")]


def test_regression_is_marked_and_a_cleared_value_is_no_stage(world: DbtWarehouse) -> None:
    bob = [(stage, entered, back) for stage, entered, back, _, _ in stays(world, "person", "Globex", "bob@globex.com")]
    assert bob[2:] == [
        ("lead", datetime(2025, 1, 10, 9), False),
        ("mql", datetime(2025, 1, 20), False),
        ("lead", datetime(2025, 2, 1, 0, 0, 1), True),
        ("mql", datetime(2025, 2, 10), False),
    ]


def test_stays_know_their_length_and_whether_it_is_the_first(world: DbtWarehouse) -> None:
    assert world.rows("""
        select periods.stage, duration_seconds, is_reentry
        from journey.fct_stage_periods as periods
        inner join journey.dim_people as people on periods.person_key = people.person_key
        where people.email = 'bob@globex.com' and periods.stage in ('lead', 'mql') order by entered_at
    """) == [
        ("lead", (9 * 24 + 15) * 3600, False),
        ("mql", 12 * 24 * 3600 + 1, False),
        ("lead", 9 * 24 * 3600 - 1, True),
        ("mql", None, True),
    ]


def test_records_of_one_person_give_their_furthest_stage(world: DbtWarehouse) -> None:
    cid = [row[:2] for row in stays(world, "person", "Initech", "cid.c@initech.com") if not row[3]]
    assert cid == [
        ("subscriber", datetime(2025, 1, 31, 9)),
        ("lead", datetime(2025, 2, 1, 9)),
        ("sql", datetime(2025, 3, 1)),
    ]
    assert (
        world.value(
            "select count(distinct person_key) from journey.person_sources where source_id in ('103', '104', '105')"
        )
        == 1
    )


def test_a_contact_that_was_merged_away_holds_nobody_in_its_stage(world: DbtWarehouse) -> None:
    assert world.rows("""
        select funnel_rank, from_at, until_at from staging.int_lifecycle_stages
        where contact_id = '103' order by from_at
    """) == [
        (3, datetime(2025, 2, 1, 9), datetime(2025, 4, 1)),
        # until the merge
        (4, datetime(2025, 4, 1), datetime(2025, 6, 1)),
    ]


def test_stages_of_an_account_follow_billing_once_it_pays(world: DbtWarehouse) -> None:
    acme = [row[:2] for row in stays(world, "account", "Acme")]
    assert acme[-5:] == [
        ("opportunity", datetime(2025, 3, 1, 9)),
        ("customer", datetime(2025, 4, 1, 10)),
        ("at_risk", datetime(2025, 7, 15)),
        ("churned", datetime(2025, 8, 1, 10)),
        ("won_back", datetime(2025, 10, 1, 12)),
    ]


def test_lost_deal_ends_the_opportunity(world: DbtWarehouse) -> None:
    assert stays(world, "account", "Globex")[-1] == ("mql", datetime(2025, 4, 5), True, False, "opportunity")


def test_account_known_from_billing_alone_skips_to_customer(world: DbtWarehouse) -> None:
    hooli = stays(world, "account", "Hooli")
    assert [row[0] for row in hooli if row[3]] == ["visitor", "subscriber", "lead", "mql", "sql", "opportunity"]
    assert [row[:2] for row in hooli if not row[3]] == [
        ("customer", datetime(2025, 6, 1)),
        ("at_risk", datetime(2025, 9, 1, 1)),
        ("customer", datetime(2025, 9, 8)),
    ]


def test_journeys_end_with_churn_and_start_again(world: DbtWarehouse) -> None:
    journeys = world.dicts("""
        select journeys.*, channels.channel
        from journey.fct_journeys as journeys
        inner join journey.dim_accounts as accounts on journeys.account_key = accounts.account_key
        inner join journey.dim_channels as channels on journeys.first_touch_channel_key = channels.channel_key
        where accounts.name = 'Acme' order by journey_number
    """)
    first, second = journeys
    assert (first["channel"], first["first_touch_at"]) == ("paid_search", datetime(2025, 1, 2, 10))
    assert (first["won_at"], first["customer_at"]) == (datetime(2025, 3, 20), datetime(2025, 4, 1, 10))
    assert (first["churned_at"], first["is_open"]) == (datetime(2025, 8, 1, 10), False)
    assert (first["days_first_touch_to_lead"], first["days_first_touch_to_customer"]) == (1, 89)
    assert (second["opportunity_at"], second["won_at"]) == (datetime(2025, 9, 15), datetime(2025, 9, 30))
    assert (second["customer_at"], second["is_open"], second["touches"]) == (datetime(2025, 10, 1, 12), True, 0)


def test_deals(world: DbtWarehouse) -> None:
    assert world.rows("""
        select deal_id, amount, amount_native, closed_at, is_open, is_won, is_lost, cycle_days
        from journey.fct_deals order by deal_id
    """) == [
        ("d1", Decimal("1320.0000"), Decimal("1200.0000"), datetime(2025, 3, 20), False, True, False, 19),
        ("d2", Decimal("500.0000"), Decimal("500.0000"), datetime(2025, 4, 5), False, False, True, 49),
        ("d3", None, None, None, True, False, False, None),
        ("d5", Decimal("800.0000"), Decimal("800.0000"), datetime(2025, 9, 30), False, True, False, 15),
    ]


def test_deal_history(world: DbtWarehouse) -> None:
    assert world.rows("""
        select deal_id, stage, entered_at, exited_at, is_regression, is_reopened
        from journey.fct_deal_stage_periods where deal_id in ('d1', 'd2') order by deal_id, entered_at
    """) == [
        ("d1", "New", datetime(2025, 3, 1, 10), datetime(2025, 3, 10), False, False),
        ("d1", "Contract", datetime(2025, 3, 10), datetime(2025, 3, 18), False, False),
        ("d1", "New", datetime(2025, 3, 18), datetime(2025, 3, 19), True, False),
        ("d1", "Contract", datetime(2025, 3, 19), datetime(2025, 3, 20), False, False),
        ("d1", "Won", datetime(2025, 3, 20), None, False, False),
        ("d2", "New", datetime(2025, 2, 15), datetime(2025, 2, 20), False, False),
        ("d2", "Lost", datetime(2025, 2, 20), datetime(2025, 3, 5), False, False),
        ("d2", "New", datetime(2025, 3, 5), datetime(2025, 4, 5), False, True),
        ("d2", "Lost", datetime(2025, 4, 5), None, False, False),
    ]


def test_handoffs(world: DbtWarehouse) -> None:
    # Ann's second owner came when she was a customer; the same owner again is no new assignment; c2 was on a Sunday
    assert world.rows("""
        select
            people.email, owners.name, wall_clock_minutes, business_minutes, is_answered, within_sla, observed_minutes
        from journey.fct_handoffs as handoffs
        inner join journey.dim_people as people on handoffs.person_key = people.person_key
        inner join journey.dim_owners as owners on handoffs.owner_key = owners.owner_key
        order by assigned_at
    """) == [
        ("ann@acme.com", "Olga One", 30, 30, True, True, 30),
        ("bob@globex.com", "Olga One", None, None, False, False, 2880),
        ("bob@globex.com", "Otto Two", 180, 0, True, True, 180),
        ("cid.c@initech.com", "Olga One", 37050, 10410, True, False, 37050),
    ]


def test_a_lead_that_is_assigned_as_it_becomes_qualified_is_assigned_once_and_qualified(dbt: DbtWarehouse) -> None:
    dbt.raw("hubspot", "contacts", [{"id": "1", "email": "ann@acme.com", "created_at": "2025-01-01"}])
    stages = history(
        "contacts", "1", "lifecyclestage", ("2025-01-01", "lead"), ("2025-02-01", "marketingqualifiedlead")
    )
    owners = history("contacts", "1", "hubspot_owner_id", ("2025-02-01", "o1"))
    dbt.raw("hubspot", "property_history", stages + owners)
    dbt.run("+int_lead_assignments", as_of="2026-01-01 00:00:00")
    assert dbt.rows("select owner_id, stage from staging.int_lead_assignments") == [("o1", "mql")]


def test_lead_handoffs_keep_the_unanswered_in_the_denominator(world: DbtWarehouse) -> None:
    assert world.rows("""
        select
            month, assignments, answered, unanswered, median_minutes, p90_minutes, within_sla_share, unanswered_share, n
        from metrics.lead_handoffs
        where segment_type = 'owner' and segment = 'o1' order by month
    """) == [
        (date(2025, 1, 1), 2, 1, 1, 30, 30, 0.5, 0.5, 2),
        (date(2025, 2, 1), 1, 1, 0, 37050, 37050, 0.0, 0.0, 1),
    ]


def test_funnel_counts_skipped_stages_as_reached(world: DbtWarehouse) -> None:
    assert world.rows("""
        select stage, entered, reached, skipped, conversion_to_next from metrics.funnel_cohorts
        where entity_type = 'account' and cohort_month = date '2025-01-01' order by stage_rank
    """) == [
        ("lead", 2, 2, 0, 1.0),
        ("mql", 2, 2, 0, 1.0),
        ("sql", 2, 2, 2, 1.0),
        ("opportunity", 2, 2, 0, 0.5),
        ("customer", 2, 1, 0, None),
    ]


def test_spend_on_an_unmapped_channel_has_a_channel_of_its_own(world: DbtWarehouse) -> None:
    assert world.rows("select * from staging.int_spend_channels order by spend_channel") == [
        ("Google Ads", "paid_search"),
        ("Skywriting", "skywriting"),
    ]
    assert world.rows("select channel_group from journey.dim_channels where channel = 'skywriting'") == [("other",)]


def test_the_story_of_an_account(world: DbtWarehouse) -> None:
    story = world.rows("""
        select what_happened, journey_number, stage, cast(mrr as int)
        from metrics.journey_timeline
        where account = 'Acme' and is_headline and occurred_at >= '2025-03-01' order by sequence_number
    """)
    first, deal, again = "opportunity", 'The deal "Acme" of 1,200.00 EUR', 'The deal "Acme again" of 800.00 USD'
    assert story == [
        ("Acme became an opportunity", 1, first, 0),
        ("ann@acme.com became an opportunity", 1, first, 0),
        (f"{deal} was created by Olga One, via paid search", 1, first, 0),
        ("Olga One wrote to ann@acme.com: Offer", 1, first, 0),
        ("Olga One met ann@acme.com: Demo", 1, first, 0),
        (f'{deal} moved to the stage "Contract"', 1, first, 0),
        (f'{deal} moved to the stage "New"', 1, first, 0),
        (f'{deal} moved to the stage "Contract"', 1, first, 0),
        (f"{deal} was won by Olga One", 1, first, 0),
        ("ann@acme.com became a customer", 1, first, 0),
        ("Acme started a trial", 1, first, 0),
        ("Acme started a subscription", 1, "customer", 100),
        ("MRR began at 100.00 USD (first subscription)", 1, "customer", 100),
        ("Acme became a customer", 1, "customer", 100),
        ('ann@acme.com opened the ticket "Broken"', 1, "customer", 100),
        ('The ticket "Broken" was closed', 1, "customer", 100),
        ("Acme asked to cancel: too expensive", 1, "at_risk", 100),
        ("Acme came to be at risk", 1, "at_risk", 100),
        ("A subscription of Acme ended: too expensive", 1, "churned", 0),
        ("MRR of 100.00 USD was lost (cancelled)", 1, "churned", 0),
        ("Acme was lost as a customer", 1, "churned", 0),
        (f"{again} was created by Otto Two, via paid search", 2, "churned", 0),
        (f"{again} was won by Otto Two", 2, "churned", 0),
        ("Acme started a subscription", 2, "won_back", 100),
        ("MRR came back at 100.00 USD (returned)", 2, "won_back", 100),
        ("Acme was won back", 2, "won_back", 100),
    ]


def test_the_story_tells_everything_once_and_leads_back_to_the_facts(world: DbtWarehouse) -> None:
    told = {
        "fct_journey_events": "event_type not in ('stage_entered', 'subscription_changed')",
        "fct_mrr_movements": "true",
        "fct_stage_periods": "not is_skipped",
    }
    keys = {
        "fct_journey_events": "event_key",
        "fct_mrr_movements": "movement_key",
        "fct_stage_periods": "stage_period_key",
    }
    for table, condition in told.items():
        assert (
            world.value(f"""
            select count(*) from (
                select {keys[table]} as source_key from journey.{table} where account_key <> 'unknown' and {condition}
            ) as facts
            full join (select source_key from metrics.journey_timeline where source_table = '{table}') as story
                using (source_key)
            where facts.source_key is null or story.source_key is null
        """)
            == 0
        ), table
    assert world.value("select count(*) from metrics.journey_timeline where what_happened like '%{%'") == 0


BLOG = "https://blog.example-app.com"


def visit(number: int, time: str, url: str, referrer: str | None = None) -> dict[str, Any]:
    """A visit of a browser that nobody is known of."""
    return {
        "id": f"w{number}",
        "event_type": "pageVisited",
        "occurred_at": f"2025-12-01 {time}",
        "anonymous_id": "a20",
        "user_agent": HUMAN,
        "url": url,
        "referrer": referrer,
    }


def marketing(number: int, event_type: str, occurred_at: str, **more: Any) -> dict[str, Any]:
    """Something that Encharge tells of Bob."""
    return {"id": f"x{number}", "event_type": event_type, "occurred_at": occurred_at, "person_id": "p2", **more}


@pytest.fixture(scope="module")
def later(world: DbtWarehouse) -> DbtWarehouse:
    """The world ten days on, with what was late, and a company that has made its own policy. Comes after all others."""
    link = f"{SITE}/?utm_source=Google&utm_medium=CPC&utm_campaign="
    arrived = [
        # who sat at the browser of a visit long ago
        marketing(1, "newUser", "2025-01-16", anonymous_id="a9"),
        marketing(2, "leadScoreChanged", "2025-12-02", score_value=45),
        marketing(3, "leadScoreChanged", "2025-12-05", score_value=10),
        marketing(4, "leadScoreChanged", "2025-12-06", score_value=60),
        marketing(5, "addedTag", "2025-12-03", tag="Hot"),
        marketing(6, "removedTag", "2025-12-04", tag="hot"),
        # an automated mail is no answer of a person
        marketing(7, "emailSent", "2025-01-12 10:10", email_id="12"),
        visit(1, "10:00", f"{link}Brand%20Search"),
        visit(2, "10:05", f"{link}brand-search"),
        visit(3, "10:10", f"{link}Other"),
        visit(4, "10:20", f"{BLOG}/post", SITE),
        visit(5, "10:50:01", f"{SITE}/pricing", f"{BLOG}/post"),
        visit(6, "11:00", SITE, "https://some-magazine.net/list"),
        visit(7, "11:05", f"{SITE}/?utm_source=Carrier-Pigeon&utm_medium=Bird"),
    ]
    world.raw("encharge", "events", arrived, extracted_at="2026-01-05 00:00:00+00")
    world.raw("hubspot", "notes", [{"id": "n9", "occurred_at": "2025-01-12 10:05", "owner_id": "o2"}])
    world.raw("hubspot", "associations", [association("notes", "n9", "contacts", "102")])
    world.raw(
        "hubspot",
        "property_history",
        history("contacts", "102", "hs_lead_status", ("2025-03-01", "OPEN_DEAL"), ("2025-03-05", "UNQUALIFIED")),
    )
    world.execute("""
        insert into staging.stage_policy values
            ('person', 'encharge', 'lead_score', '40', 'mql'),
            ('person', 'encharge', 'tag', 'HOT', 'sql'),
            ('person', 'encharge', 'form', 'sign up', 'lead'),
            ('person', 'hubspot', 'lead_status', 'open_deal', 'opportunity'),
            ('account', 'stripe', 'trial', 'active', 'opportunity'),
            ('account', 'hubspot', 'deal_stage', 'contract', 'sql')
    """)
    world.run(
        *("stg_encharge__events", "int_own_hosts", "int_anonymous_people", "int_encharge_events"),
        *("int_channel_signatures", "int_web_sessions", "int_policy_signals", "int_account_stage_signals"),
        *("int_hubspot_object_people", "int_hubspot_engagements", "fct_handoffs"),
        as_of="2026-01-10 00:00:00",
    )
    return world


def test_a_late_identification_gives_the_visits_before_it_to_the_person(later: DbtWarehouse) -> None:
    assert later.rows("""
        select people.email from staging.int_encharge_events as events
        inner join journey.dim_people as people on events.person_key = people.person_key where event_id = 'v6'
    """) == [("bob@globex.com",)]


def test_a_session_ends_with_silence_or_another_campaign(later: DbtWarehouse) -> None:
    assert later.rows("""
        select event_id, is_session_start, channel, campaign_id from staging.int_web_sessions
        where event_id like 'w%' order by occurred_at
    """) == [
        ("w1", True, "paid_search", "brand-search"),
        # the page loaded again with its link
        ("w2", False, "paid_search", "brand-search"),
        ("w3", True, "paid_search", "other"),
        # from one of our sites to another
        ("w4", False, "paid_search", "other"),
        # half an hour and a second of silence
        ("w5", True, "direct", None),
        ("w6", True, "referral", None),
        # nobody has heard of these
        ("w7", True, "other", None),
    ]


def test_a_policy_of_scores_tags_forms_and_statuses(later: DbtWarehouse) -> None:
    signals = later.rows("""
        select people.email, funnel_rank, from_at, until_at from staging.int_policy_signals as signals
        inner join journey.dim_people as people on signals.person_key = people.person_key order by all
    """)
    day = datetime(2025, 12, 1)
    assert signals == [
        ("ann@acme.com", 3, datetime(2025, 1, 3, 8, 58), None),
        ("ann@acme.com", 4, datetime(2025, 2, 3), None),
        ("bob@globex.com", 4, day.replace(day=2), day.replace(day=5)),
        ("bob@globex.com", 4, day.replace(day=6), None),
        ("bob@globex.com", 5, day.replace(day=3), day.replace(day=4)),
        ("bob@globex.com", 6, datetime(2025, 3, 1), datetime(2025, 3, 5)),
    ]


def test_a_policy_of_deal_stages_and_trials(later: DbtWarehouse) -> None:
    signals = later.rows("""
        select funnel_rank, from_at, until_at from staging.int_account_stage_signals as signals
        inner join journey.dim_accounts as accounts on signals.account_key = accounts.account_key
        where name = 'Acme' and until_at is not null
    """)
    assert set(signals) >= {
        (5, datetime(2025, 3, 10), datetime(2025, 3, 18)),
        (5, datetime(2025, 3, 19), datetime(2025, 3, 20)),
        (6, datetime(2025, 3, 20, 10), datetime(2025, 4, 1, 10)),
    }


def test_notes_and_automated_mails_do_not_answer_a_lead(later: DbtWarehouse) -> None:
    assert later.rows("""
        select wall_clock_minutes from journey.fct_handoffs as handoffs
        inner join journey.dim_owners as owners on handoffs.owner_key = owners.owner_key where owners.name = 'Otto Two'
    """) == [(180,)]
