"""Two real builds: what came late, was deleted or merged between them leaves a row for every figure that it changed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.dbt.conftest import DbtWarehouse
from tests.dbt.journey_world import RAW
from warehouse import meta, restatements
from warehouse.publish import publish
from warehouse.settings import Settings

MODELS = (
    "path:models/staging",
    "+fct_leads",
    "+fct_stage_periods",
    "+fct_deal_snapshots",
    "+fct_account_months",
    "+dim_accounts",
)
FIRST, SECOND = datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 10, tzinfo=UTC)
NEWS = {"modified_at": "2026-01-05", "extracted_at": "2026-01-05 00:00:00+00"}


def night(dbt: DbtWarehouse, as_of: datetime) -> str:
    """Build, compare with what is published, and publish. Returns the run's id."""
    settings = Settings(data_dir=dbt.path.parent, as_of=as_of, _env_file=None)
    run = meta.new_run(as_of)
    meta.begin_run(settings, run)
    dbt.run(*MODELS, as_of=f"{as_of:%Y-%m-%d %H:%M:%S}")
    restatements.record(settings, run.run_id)
    meta.end_run(settings, run.run_id, "passed")
    publish(settings)
    return run.run_id


@pytest.mark.slow
def test_a_late_invoice_a_deleted_contact_and_deal_and_a_merge_of_companies(dbt: DbtWarehouse) -> None:
    for (source, stream), rows in RAW.items():
        dbt.raw(source, stream, rows)
    night(dbt, FIRST)
    companies = {row["id"]: row for row in RAW["hubspot", "companies"]}
    contacts = {row["id"]: row for row in RAW["hubspot", "contacts"]}
    deals = {row["id"]: row for row in RAW["hubspot", "deals"]}
    # Globex and Initech were one company
    dbt.raw("hubspot", "companies", [companies["20"] | NEWS | {"merged_ids": "30"}])
    dbt.raw("hubspot", "companies", [companies["30"] | NEWS | {"is_deleted": True}])
    # Bob's contact is deleted, and so is the deal that was about him
    dbt.raw("hubspot", "contacts", [contacts["102"] | NEWS | {"is_deleted": True}])
    dbt.raw("hubspot", "deals", [deals["d2"] | NEWS | {"is_deleted": True}])
    # Hooli's invoice for a set-up in July, which nobody had sent
    invoice = {"invoice_id": "in_9", "customer_id": "cus_h", "currency": "usd", "extracted_at": NEWS["extracted_at"]}
    dbt.raw(
        "stripe",
        "invoices",
        [
            {
                **{name: value for name, value in invoice.items() if name != "invoice_id"},
                **{"id": "in_9", "status": "open", "total": 5000, "total_excluding_tax": 5000, "subtotal": 5000},
                **{"amount_due": 5000, "attempt_count": 0, "billing_reason": "manual"},
                **{"created_at": "2025-07-20", "finalized_at": "2025-07-20"},
            }
        ],
    )
    dbt.raw(
        "stripe",
        "invoice_lines",
        [
            {
                **invoice,
                **{"id": "il_9", "amount": 5000, "discount_amount": 0, "tax_amount": 0, "quantity": 1},
                **{"is_proration": False, "description": "Set-up", "discount_amounts": []},
                **{"period_start_at": "2025-07-20", "period_end_at": "2025-07-20"},
            }
        ],
    )
    run_id = night(dbt, SECOND)
    found = dbt.rows("""
        select
            restatements.run_id, measure, strftime(month, '%m'), accounts.name,
            cast(amount_before as int), cast(amount_after as int), reason
        from meta.restatements as restatements
        left join journey.dim_accounts as accounts on restatements.account_key = accounts.account_key
        order by measure, month, accounts.name nulls last
    """)
    assert {row[0] for row in found} == {run_id}
    # an account without a name is the one that is no more
    globex, gone, why = "Globex", None, "identity"
    assert [row[1:] for row in found] == [
        ("account_entered_lead", "02", gone, 1, 0, why),
        ("account_entered_mql", "04", globex, 1, 0, why),
        # by the deal that is no more; by the other company's deal
        ("account_entered_opportunity", "02", globex, 1, 0, why),
        ("account_entered_opportunity", "07", globex, 0, 1, why),
        ("account_entered_opportunity", "07", gone, 1, 0, why),
        ("account_entered_sql", "03", globex, 0, 1, why),
        ("account_entered_sql", "03", gone, 1, 0, why),
        ("account_entered_subscriber", "01", gone, 1, 0, why),
        # the lead whose contact was deleted stays, and the other company's comes to it
        ("leads", "01", globex, 1, 2, why),
        ("leads", "01", gone, 1, 0, why),
        ("open_pipeline", "03", globex, 500, 0, why),
        ("person_entered_lead", "02", globex, 1, 2, why),
        ("person_entered_lead", "02", gone, 1, 0, why),
        ("person_entered_sql", "03", globex, 0, 1, why),
        ("person_entered_sql", "03", gone, 1, 0, why),
        ("person_entered_subscriber", "01", globex, 1, 2, why),
        ("person_entered_subscriber", "01", gone, 1, 0, why),
        ("recognised_revenue", "07", "Hooli", 0, 50, "source"),
    ]
