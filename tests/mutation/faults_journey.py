"""Faults in the models of stages, touches, deals and revenue."""

from __future__ import annotations

from tests.mutation.faults import Fault

STAGES, EVENTS, SALES, REVENUE = (f"dbt/models/journey/{part}/" for part in ("stages", "events", "sales", "revenue"))
CONVERSION, PIPELINE = (f"dbt/models/metrics/{folder}/" for folder in ("conversion", "pipeline"))
WORLD, LIVES = "tests/dbt/test_journey.py", "tests/journey/test_lives.py"
RECURRING, RECOGNISED = "tests/dbt/test_revenue_recurring.py", "tests/dbt/test_revenue_recognition.py"
FUNNEL, OPEN = "tests/dbt/test_conversion.py", "tests/dbt/test_pipeline.py"


def fault(name: str, what: str, path: str, text: str, becomes: str, *tests: str) -> Fault:
    return Fault(name, what, path, text, becomes, tests or (WORLD, LIVES))


FAULTS = [
    fault(
        "regression_inverted",
        "going on is a regression, going back is none",
        f"{STAGES}fct_stage_periods.sql",
        "coalesce(funnel_rank < previous_rank, false) as is_regression",
        "coalesce(funnel_rank > previous_rank, false) as is_regression",
    ),
    fault(
        "skipped_not_filled",
        "the last of the stages that were jumped over is not filled",
        f"{STAGES}fct_stage_periods.sql",
        "and ranked.funnel_rank > stages.funnel_rank\n",
        "and ranked.funnel_rank > stages.funnel_rank + 1\n",
    ),
    fault(
        "skipped_filled_again",
        "`>=` for `>`: a stage that was reached is filled once more on the way forward",
        f"{STAGES}fct_stage_periods.sql",
        "and stages.funnel_rank > coalesce(ranked.reached_rank, 0)",
        "and stages.funnel_rank >= coalesce(ranked.reached_rank, 0)",
    ),
    fault(
        "everybody_leaves_together",
        "a missing partition: a stay ends when anybody enters a stage",
        f"{STAGES}fct_stage_periods.sql",
        "window entity as (partition by changes.entity_type, changes.entity_key order by changes.changed_at)",
        "window entity as (partition by changes.entity_type order by changes.changed_at)",
    ),
    fault(
        "crm_still_speaks_after_payment",
        "`<=` for `<`: the CRM's stage counts at the instant of the first payment",
        f"{STAGES}fct_stage_periods.sql",
        "where first_paid.paid_at is null or funnel.changed_at < first_paid.paid_at",
        "where first_paid.paid_at is null or funnel.changed_at <= first_paid.paid_at",
        LIVES,
    ),
    fault(
        "nearest_stage_wins",
        "swapped order: the least of the stages in force, not the furthest",
        f"{STAGES}int_funnel_stages.sql",
        "for rank in ranks | reverse if rank > 1",
        "for rank in ranks if rank > 1",
    ),
    fault(
        "at_risk_after_churn",
        "a customer who has left can be at risk",
        f"{STAGES}int_billing_stages.sql",
        "case when lives.stage <> 'churned' and counted.risks > 0 then",
        "case when counted.risks > 0 then",
    ),
    fault(
        "churned_before_life",
        "an account's payments and losses in reverse order",
        f"{STAGES}int_billing_lives.sql",
        "row_number() over (partition by account_key order by changed_at, moved_on) as life_number",
        "row_number() over (partition by account_key order by changed_at desc, moved_on) as life_number",
    ),
    fault(
        "merged_contact_holds_its_stage",
        "a contact that was merged away keeps its winner in its stage",
        f"{STAGES}int_lifecycle_stages.sql",
        "case when merged.loser_id is not null and contacts.is_deleted then contacts.modified_at end",
        "cast(null as timestamp)",
    ),
    fault(
        "lost_deal_keeps_the_stage",
        "swapped branch: a won deal ends the opportunity, a lost one never",
        f"{STAGES}int_account_stage_signals.sql",
        "case when deals.value = 'open' then deals.until_at end as until_at",
        "case when deals.value = 'won' then deals.until_at end as until_at",
    ),
    fault(
        "first_journey_takes_all",
        "a missing bound: the touches of one journey count in all later ones",
        f"{STAGES}fct_journeys.sql",
        "            and events.occurred_at > journeys.after_at\n",
        "",
    ),
    fault(
        "future_activities",
        "as_of ignored: meetings that are planned have taken place",
        f"{EVENTS}int_hubspot_engagements.sql",
        "where not is_deleted and occurred_at <= {{ as_of() }}",
        "where not is_deleted",
    ),
    fault(
        "machines_touch",
        "opens by scanners and privacy proxies are touches",
        f"{EVENTS}fct_journey_events.sql",
        "is_touch and can_be_touch and not is_automated as is_touch",
        "is_touch and can_be_touch as is_touch",
    ),
    fault(
        "no_gap_between_sessions",
        "a session ends after five hours of silence, not after half an hour",
        f"{EVENTS}int_web_sessions.sql",
        "> 1800 then 1",
        "> 18000 then 1",
    ),
    fault(
        "visits_of_the_one_before",
        "visits belong to whoever identified themselves before, not next",
        f"{EVENTS}int_anonymous_people.sql",
        "case when next_identified_at is not null then identified_at end as owned_until",
        "next_identified_at as owned_until",
    ),
    fault(
        "owner_left_null",
        "a lost coalesce: an event of an owner who is gone has no owner key",
        f"{EVENTS}fct_journey_events.sql",
        "coalesce(owners.owner_key, 'unknown') as owner_key",
        "owners.owner_key",
    ),
    fault(
        "mail_from_the_lead_answers",
        "a mail from the lead counts as the first human touch",
        f"{SALES}fct_handoffs.sql",
        "(event_type = 'sales_email' and coalesce(direction, 'out') = 'out')",
        "event_type = 'sales_email'",
    ),
    fault(
        "closed_stays_of_people",
        "`<=` for `<`: an assignment at the end of a stage lies in two of them",
        f"{SALES}int_lead_assignments.sql",
        "and (person_stages.exited_at is null or assignments.assigned_at < person_stages.exited_at)",
        "and (person_stages.exited_at is null or assignments.assigned_at <= person_stages.exited_at)",
    ),
    fault(
        "converted_the_same_day",
        "`>` for `>=`: a lead whose account pays on the day it comes does not convert",
        f"{SALES}int_leads.sql",
        "    case when customers.customer_on >= people.created_on then customers.customer_on end as converted_on",
        "    case when customers.customer_on > people.created_on then customers.customer_on end as converted_on",
        FUNNEL,
        LIVES,
    ),
    fault(
        "open_on_the_day_it_closed",
        "snapshots off by a day: a deal is still open at the end of the day it closed",
        f"{SALES}fct_deal_snapshots.sql",
        "date_add('next_changed_on', -1)",
        "date_add('next_changed_on', 0)",
        OPEN,
        LIVES,
    ),
    fault(
        "lost_deals_never_reopen",
        "only a won deal can be reopened",
        f"{PIPELINE}int_deal_flows.sql",
        "where is_turn and status_before <> 'open'",
        "where is_turn and status_before = 'won'",
        OPEN,
        LIVES,
    ),
    fault(
        "closed_for_the_last_time",
        "from lost to won is no new closing",
        f"{SALES}fct_deals.sql",
        "and (not coalesce(before.is_closed, false) or before.is_won <> closed.is_won)",
        "and not coalesce(before.is_closed, false)",
        WORLD,
        OPEN,
        LIVES,
    ),
    fault(
        "window_one_day_short",
        "`<` for `<=`: a conversion on the last day of the window is too late",
        f"{CONVERSION}lead_conversion_cohorts.sql",
        "sum(case when days_to_convert <= {{ days }} then 1 else 0 end)",
        "sum(case when days_to_convert < {{ days }} then 1 else 0 end)",
        FUNNEL,
        LIVES,
    ),
    fault(
        "expansion_before_new",
        "the order of movements: what an account begins with is an expansion",
        f"{REVENUE}int_account_moves.sql",
        "            when running.step = 2 then 'fx'\n",
        "            when running.step = 2 then 'fx'\n            when running.amount > 0 then 'expansion'\n",
        RECURRING,
    ),
    fault(
        "refund_counts_twice",
        "a refund that a credit note already takes back is taken back again",
        f"{REVENUE}int_revenue_items.sql",
        "        and not exists (select 1 from noted_refunds where noted_refunds.refund_id = refunds.refund_id)\n",
        "",
        RECOGNISED,
    ),
    fault(
        "last_extracted_wins",
        "of two versions the one that arrived later wins, not the one made later",
        "dbt/macros/newest_versions.sql",
        "    {{ versions }}.modified_at{{ direction }} nulls {{ 'last' if is_newest_first else 'first' }},\n",
        "",
        "tests/dbt/test_staging.py",
    ),
]
