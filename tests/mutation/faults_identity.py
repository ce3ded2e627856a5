"""Faults in the models that say who is who."""

from __future__ import annotations

from tests.mutation.faults import Fault

RECORDS, LINKS, CLUSTERS = (f"dbt/models/identity/{folder}/" for folder in ("records", "links", "clusters"))
RULES = "tests/dbt/test_identity.py"
HISTORIES = "tests/identity/test_histories.py::test_any_sixty_histories_night_by_night"


def fault(name: str, what: str, path: str, text: str, becomes: str) -> Fault:
    return Fault(name, what, path, text, becomes, (RULES, HISTORIES))


FAULTS = [
    fault(
        "role_mailboxes_join",
        "role mailboxes join people",
        f"{RECORDS}identity_keys.sql",
        "when found.kind = 'email' and role_mailboxes.local_part is not null then 'role_mailbox'",
        "when found.kind = 'phone' and role_mailboxes.local_part is not null then 'role_mailbox'",
    ),
    fault(
        "free_mail_joins",
        "free-mail domains are evidence",
        f"{RECORDS}identity_keys.sql",
        "left join shared_domains on found.kind = 'domain' and",
        "left join shared_domains on found.kind = 'email' and",
    ),
    fault(
        "crowd_one_early",
        "`>=` for `>` in the limit of companies on a domain",
        f"{RECORDS}identity_keys.sql",
        "having count(distinct company_id) > {{",
        "having count(distinct company_id) >= {{",
    ),
    fault(
        "crowd_of_references_one_early",
        "`>=` for `>` in the limit of people who name a contact",
        f"{LINKS}person_link_candidates.sql",
        "> {{ var('identity_reference_limit') }}",
        ">= {{ var('identity_reference_limit') }}",
    ),
    fault(
        "customers_mailboxes_swapped",
        "a billing id joins people of different mailboxes and not those of one",
        f"{LINKS}person_link_candidates.sql",
        "nodes.email <> neighbours.email then 'different_mailboxes'",
        "nodes.email = neighbours.email then 'different_mailboxes'",
    ),
    fault(
        "one_stands_is_not_enough",
        "one weak value rejects a pair that another value joins",
        "dbt/macros/identity/evidence.sql",
        "case when count(*) = count(rejected_reason) then",
        "case when count(rejected_reason) > 0 then",
    ),
    fault(
        "cycle_accepted",
        "the merge that closes a cycle is accepted",
        f"{LINKS}identity_merges.sql",
        "survivors.node_id is not null as is_cycle",
        "survivors.node_id is not null and false as is_cycle",
    ),
    fault(
        "weakest_claim_wins",
        "the weakest kind of claim decides, not the strongest",
        f"{LINKS}account_verdicts.sql",
        "min(tier) as tier",
        "max(tier) as tier",
    ),
    fault(
        "latest_claim_wins",
        "of equal claims the latest stays, not the first",
        f"{LINKS}account_verdicts.sql",
        "min(first_seen_at) over (partition by holder_id)",
        "max(first_seen_at) over (partition by holder_id)",
    ),
    fault(
        "first_seen_is_last_seen",
        "a reference is as young as its last version",
        f"{RECORDS}identity_sightings.sql",
        "select node_id, kind, value, min(extracted_at) as extracted_at",
        "select node_id, kind, value, max(extracted_at) as extracted_at",
    ),
    fault(
        "shared_mailbox_joins_companies",
        "a mailbox that customers of two companies share joins them",
        f"{LINKS}account_link_candidates.sql",
        "when key_groups.families > 1 or",
        "when key_groups.families > 2 or",
    ),
    fault(
        "reseller_is_the_client",
        "the name of another company does not count against a mailbox",
        f"{LINKS}account_verdicts.sql",
        "    where not is_named_elsewhere\n",
        "    where true\n",
    ),
    fault(
        "namesakes_doubted",
        "a namesake is doubted although its own company bears the name",
        f"{LINKS}account_claims.sql",
        "where evidence.tier > 1 and own.family_id is null",
        "where evidence.tier > 1",
    ),
    fault(
        "splits_ignored",
        "links across a split are accepted",
        f"{LINKS}identity_links.sql",
        "candidates.rejected_reason is null and cut.link_id is null as is_accepted",
        "candidates.rejected_reason is null as is_accepted",
    ),
    fault(
        "join_beats_split",
        "a merge or a join by hand wins over a split by hand",
        f"{LINKS}identity_splits.sql",
        "where pairs.reason = 'override' or settled.node_id is null",
        "where settled.node_id is null",
    ),
    fault(
        "taken_back_override_holds",
        "an override that was taken back still holds",
        f"{RECORDS}identity_overrides.sql",
        "    where not is_deleted\n",
        "    where true\n",
    ),
    fault(
        "youngest_gives_the_id",
        "a person's id comes from the record created first, not seen first",
        f"{CLUSTERS}person_clusters.sql",
        "        first_value(nodes.node_id) over (\n            partition by components.component_id\n"
        "            order by nodes.first_extracted_at, nodes",
        "        first_value(nodes.node_id) over (\n            partition by components.component_id\n"
        "            order by nodes",
    ),
    fault(
        "one_id_for_all",
        "a missing partition: all accounts get one id",
        f"{CLUSTERS}account_clusters.sql",
        "        first_value(nodes.node_id) over (\n            partition by components.component_id\n",
        "        first_value(nodes.node_id) over (\n",
    ),
    fault(
        "any_account_of_a_domain",
        "a mail domain that two accounts have gives one of them to its people",
        f"{CLUSTERS}person_accounts.sql",
        "having count(distinct accounts.account_id) = 1",
        "having count(distinct accounts.account_id) >= 1",
    ),
    fault(
        "stale_components",
        "components that an edge joined or left keep their old label",
        "dbt/macros/components.sql",
        "where known.node_id is null or touched.component_id is not null",
        "where known.node_id is null",
    ),
    fault(
        "stale_ways",
        "evidence of clusters that changed is not walked again",
        "dbt/macros/paths.sql",
        "where known.node_id is null or touched.root_id is not null",
        "where known.node_id is null",
    ),
]
