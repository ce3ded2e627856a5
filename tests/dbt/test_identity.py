"""Which records become one person or one account, which must not, and that ids last."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

import pytest

from tests.dbt.conftest import PROJECT, DbtWarehouse

MODELS = (
    "+account_sources",
    "+person_sources",
    "+identity_review",
    "+identity_evidence",
    "+account_aliases",
    "+person_aliases",
)

WHY = re.search(r"```sql\n(.*?)```", (PROJECT.parent / "docs" / "identity.md").read_text(), re.DOTALL)[1]
FIRST = "2025-06-01 00:00:00+00"
LATER = "2025-07-01 00:00:00+00"


class World:
    """Records in short form, and who they turned out to be."""

    def __init__(self, dbt: DbtWarehouse, extracted_at: str = FIRST) -> None:
        self.dbt = dbt
        self.extracted_at = extracted_at
        self._rows: dict[tuple[str, str], list[dict[str, object]]] = {}

    def contact(self, id: str, email: str | None = None, **columns: object) -> None:
        self._add("hubspot", "contacts", id, email=email, **columns)

    def company(self, id: str, domain: str | None = None, **columns: object) -> None:
        self._add("hubspot", "companies", id, **{"name": f"Company {id}", "domain": domain, **columns})

    def person(self, id: str, email: str | None = None, **columns: object) -> None:
        self._add("encharge", "people", id, email=email, **columns)

    def customer(self, id: str, email: str | None = None, **columns: object) -> None:
        self._add("stripe", "customers", id, **{"email": email, "name": f"Customer {id}", **columns})

    def associate(self, contact: str, company: str, type_id: int = 1) -> None:
        self._add(
            "hubspot",
            "associations",
            f"contacts:{contact}:companies:{company}:{type_id}",
            from_type="contacts",
            from_id=contact,
            to_type="companies",
            to_id=company,
            type_id=type_id,
        )

    def override(self, action: str, entity: str, left: str, right: str, **columns: object) -> None:
        sides = {
            f"{side}_{part}": value
            for side, node in (("left", left), ("right", right))
            for part, value in zip(("system", "type", "id"), node.split(":"), strict=True)
        }
        self._add(
            "ledger", "identity_overrides", f"{action}-{left}-{right}", action=action, entity=entity, **sides, **columns
        )

    def resolve(self, **variables: object) -> None:
        self.load()
        self.dbt.run(*MODELS, **variables)

    def load(self) -> None:
        """Write the records so far to the raw ledger."""
        for (source, stream), rows in self._rows.items():
            self.dbt.raw(source, stream, rows, extracted_at=self.extracted_at)
        self._rows.clear()

    def account(self, node: str) -> str:
        return self._id("account", node)

    def human(self, node: str) -> str:
        return self._id("person", node)

    def account_of(self, node: str) -> str:
        """The account of the person that a record stands for."""
        return self._id("person", node, "account_id")

    def same_account(self, *nodes: str) -> bool:
        return len({self.account(node) for node in nodes}) == 1

    def same_person(self, *nodes: str) -> bool:
        return len({self.human(node) for node in nodes}) == 1

    def reviewed(self, *nodes: str) -> set[str]:
        """Reasons of the review rows between any two of the records."""
        listed = ", ".join(f"'{node}'" for node in nodes)
        return {
            reason
            for (reason,) in self.dbt.rows(
                f"select reason from journey.identity_review where node_id in ({listed}) and neighbour_id in ({listed})"
            )
        }

    def rules(self, left: str, right: str) -> set[str]:
        """Rules of the accepted links between two records."""
        return {
            rule
            for (rule,) in self.dbt.rows(
                "select rule from identity.identity_links where is_accepted and node_id = least(?, ?) "
                "and neighbour_id = greatest(?, ?)",
                [left, right] * 2,
            )
        }

    def why(self, entity: str, left: str, right: str) -> list[tuple[str, str]]:
        """Rule and evidence of the links between two records, by the query of docs/identity.md."""
        query = WHY.replace("'person'", f"'{entity}'").replace("'hubspot:contact:1'", f"'{left}'")
        return [row[:2] for row in self.dbt.rows(query.replace("'encharge:person:2'", f"'{right}'"))]

    def _add(self, source: str, stream: str, id: str, **columns: object) -> None:
        row = {"id": id, "created_at": "2025-01-01 00:00:00+00", **columns}
        if stream in ("associations", "identity_overrides"):
            row.pop("created_at")
        self._rows.setdefault((source, stream), []).append(row)

    def _id(self, entity: str, node: str, column: str | None = None) -> str:
        ((value,),) = self.dbt.rows(
            f"select {column or entity + '_id'} from journey.{entity}_sources "
            "where source_system = ? and source_type = ? and source_id = ?",
            node.split(":"),
        )
        return str(value)


@pytest.fixture(scope="module")
def world(dbt_module: DbtWarehouse) -> Iterator[World]:
    """Many small stories that share no value, resolved once."""
    world = World(dbt_module)

    # people, by rule
    world.contact("p1", "Ann@Mail-One.com ")
    world.person("p1", "ann@mail-one.com")
    world.contact("p2", "bea@mail-two.com")
    world.person("p2", "beatrice@mail-two.com", hubspot_contact_id="p2")
    world.person("p3", "cid@mail-three.com", stripe_customer_id="p3")
    world.customer("p3", "cid@mail-three.com")
    world.person("p4", "dan@mail-four.com", stripe_customer_id="p4")
    world.customer("p4", "boss@mail-four.com")
    world.contact("p5", "eve@mail-five.com", additional_emails="eve.old@mail-five.com;")
    world.person("p5", "eve.old@mail-five.com")
    world.contact("p6", "fay+news@mail-six.com")
    world.person("p6", "fay@mail-six.com")
    world.contact("p7", "info@mail-seven.com")
    world.contact("p8", "Accounts.Payable@mail-eight.com")
    world.person("p8", "accounts.payable@mail-eight.com")
    world.person("p7", "info@mail-seven.com")
    world.customer("p7", "info@mail-seven.com")
    # merges in a chain, with a loser that was never read itself, and in a cycle
    world.contact("m1", merged_ids="m2")
    world.contact("m2", merged_ids="m3;m4", is_deleted=True)
    world.contact("m3", is_deleted=True)
    # those who name a contact that nobody has any more; and one that too many name
    world.person("r1", "r1@mail-nine.com", hubspot_contact_id="purged")
    world.person("r1b", "r1b@mail-nine.com", hubspot_contact_id="purged")
    for limit in (5, 6):
        world.contact(f"r{limit}", f"r{limit}@mail-ten.com")
        for number in range(limit):
            world.person(f"r{limit}-{number}", f"r{limit}.{number}@mail-ten.com", hubspot_contact_id=f"r{limit}")
    world.contact("c1", merged_ids="c2")
    world.contact("c2", merged_ids="c3")
    world.contact("c3", merged_ids="c1")
    world.contact("c4", merged_ids="c5")
    world.contact("c5", merged_ids="c4")

    # accounts, by rule
    world.company("a1", "alpha.com")
    world.customer("a1", "pay@elsewhere-alpha.com", hubspot_company_id="a1")
    world.company("a2", "beta.com", stripe_customer_id="a2")
    world.customer("a2", "pay@elsewhere-beta.com")
    world.company("a3", "www.Gamma.com")
    world.company("a3b", "https://gamma.com/about")
    world.company("a4", "delta.com")
    world.customer("a4", "billing@delta.com")
    world.company("a5", "epsilon.com")
    world.contact("a5", "zoe@gmail.com")
    world.associate("a5", "a5")
    world.customer("a5", "zoe@gmail.com")
    world.company("a6", "zeta.com")
    world.contact("a6", "six@zeta-mail.com", company_id="a6")
    world.person("a6", hubspot_contact_id="a6", stripe_customer_id="a6")
    world.customer("a6", "pay@elsewhere-zeta.com")
    world.company("a7", "eta.com", merged_ids="a7b")
    world.company("a7b", "eta-before.com", is_deleted=True)
    world.customer("a7", hubspot_company_id="a7b")
    world.company("a8", "theta.com", additional_domains="theta.io;theta.net")
    world.customer("a8", "billing@theta.net")
    world.customer("a9", "owner@gmail.com")
    world.customer("a9b", "owner@gmail.com")
    # a company without a domain follows the customer that both name
    world.company("a10", "iota.com")
    world.company("a10b", None, stripe_customer_id="a10")
    world.customer("a10", hubspot_company_id="a10")

    # accounts, by guard
    world.company("g1", "kappa.com")
    world.company("g1b", "lambda.com", stripe_customer_id="g1")
    world.customer("g1", hubspot_company_id="g1")
    world.company("g2", "gmail.com")
    world.customer("g2", "someone@gmail.com")
    world.company("g3", "mu.com")
    world.company("g3b", "mu.com", parent_company_id="g3")
    world.customer("g3", "billing@mu.com")
    for number in range(7):
        world.company(f"g4-{number}", "crowd.com")
    world.customer("g4", "billing@crowd.com")
    # parent and subsidiary that a third company would bridge
    world.company("g5", "nu.com", created_at="2024-01-01")
    world.company("g5b", "nu.de", parent_company_id="g5")
    world.company("g5c", "nu.com", additional_domains="nu.de")
    # two customers with one mailbox but different companies
    world.company("g6", "xi.com")
    world.company("g6b", "omicron.com")
    world.customer("g6", "books@agency.com", hubspot_company_id="g6")
    world.customer("g6b", "books@agency.com", hubspot_company_id="g6b")

    # a reseller's mailbox, and the name of the client that it pays for
    world.company("g7", "agency-seven.com", name="Seven Agency Ltd")
    world.company("g7b", "client-seven.com", name="Seven Client GmbH")
    world.contact("g7", "ann@agency-seven.com", company_id="g7")
    world.customer("g7", "billing@agency-seven.com", name="SEVEN CLIENT")
    world.customer("g7b", "ann@agency-seven.com", name="Seven Client", hubspot_company_id="g7b")
    # a namesake of another company is still who its own domain says
    world.company("g8", "eight.com", name="Eight Media Inc.")
    world.company("g8b", "eight-media.de", name="Eight Media GmbH")
    world.customer("g8", "billing@eight.com", name="Eight Media")

    # overrides
    world.contact("o1", "one@override.com")
    world.contact("o1b", "other@override.com")
    world.override("join", "person", "hubspot:contact:o1", "hubspot:contact:o1b")
    world.company("o2", "pi.com")
    world.company("o2b", "rho.com")
    world.customer("o2", hubspot_company_id="o2")
    world.override("join", "account", "hubspot:company:o2b", "stripe:customer:o2")
    world.company("o3", "sigma.com", created_at="2024-01-01")
    world.company("o3b", "sigma.com")
    world.customer("o3b", hubspot_company_id="o3b")
    world.customer("o3", hubspot_company_id="o3")
    world.override("split", "account", "hubspot:company:o3", "hubspot:company:o3b")
    # the records of a split hang together through a third one only
    world.contact("o4", "kim@tau.com")
    world.person("o4", "lee@tau.com", hubspot_contact_id="o4")
    world.customer("o4", "lee@tau.com")
    world.override("split", "person", "hubspot:contact:o4", "stripe:customer:o4")
    # a split says more than the CRM's merge, and more than a join
    world.contact("o5", merged_ids="o5b")
    world.contact("o5b", is_deleted=True)
    world.override("join", "person", "hubspot:contact:o5", "hubspot:contact:o5b")
    world.override("split", "person", "hubspot:contact:o5", "hubspot:contact:o5b")
    world.override("join", "person", "hubspot:contact:o1", "hubspot:contact:nobody")
    # a join says more than the domain guard
    world.company("o6", "ypsilon.com")
    world.company("o6b", "phi.com")
    world.override("join", "account", "hubspot:company:o6", "hubspot:company:o6b")
    # one that was taken back
    world.contact("o7", "seven@override.com")
    world.contact("o7b", "seven.other@override.com")
    world.override("join", "person", "hubspot:contact:o7", "hubspot:contact:o7b", is_deleted=True)

    # people and their accounts
    world.company("w1", "chi.com")
    world.company("w1b", "psi.com")
    world.contact("w1", "w@psi.com", company_id="w1b")
    world.associate("w1", "w1")
    world.contact("w2", "x@psi.com")
    world.contact("w3", "y@gmail.com")
    world.contact("w4", "z@psi.com", company_id="w1")
    world.person("w5", "w5@nowhere.com", stripe_customer_id="w5")
    world.customer("w5", "finance@w5.com")
    world.contact("w6", "somebody@nu.de")

    # weak evidence only
    world.company("n2", "aleph.com")
    world.contact("n2", "ada@aleph.com", first_name="Ada", last_name="Stern", company_id="n2")
    world.contact("n2b", "ada.stern@gmail.com", first_name="Ada", last_name="Stern", company_id="n2")
    world.contact("n3", "adda@aleph.com", first_name="Ida", last_name="Stern")
    world.contact("n3b", "aad@aleph.com", first_name="Ida", last_name="Stern")
    world.company("n1", None, name="Omega Trading Inc.", country="US")
    world.customer("n1", None, name="omega trading", country="US")
    world.resolve()
    yield world


@pytest.mark.parametrize(
    ("left", "right", "rule"),
    [
        ("hubspot:contact:p1", "encharge:person:p1", "email"),
        ("hubspot:contact:p2", "encharge:person:p2", "crm_reference"),
        ("encharge:person:p3", "stripe:customer:p3", "billing_reference"),
        ("hubspot:contact:p5", "encharge:person:p5", "email"),
        ("hubspot:contact:m1", "hubspot:contact:m2", "merge"),
        ("hubspot:contact:o1", "hubspot:contact:o1b", "override"),
    ],
)
def test_people_are_joined_by(world: World, left: str, right: str, rule: str) -> None:
    assert world.same_person(left, right)
    assert rule in world.rules(left, right)
    assert world.rules(left, right) == world.rules(right, left)


@pytest.mark.parametrize(
    ("left", "right", "reasons"),
    [
        ("encharge:person:p4", "stripe:customer:p4", {"different_mailboxes"}),
        ("hubspot:contact:p6", "encharge:person:p6", {"same_plus_tag"}),
        ("hubspot:contact:p7", "encharge:person:p7", {"role_mailbox"}),
        ("hubspot:contact:p8", "encharge:person:p8", {"role_mailbox"}),
    ],
)
def test_people_stay_apart(world: World, left: str, right: str, reasons: set[str]) -> None:
    assert not world.same_person(left, right)
    assert world.reviewed(left, right) == reasons


def test_a_role_mailbox_makes_no_person_of_a_billing_customer(world: World) -> None:
    people = world.dbt.rows("select source_id from journey.person_sources where source_system = 'stripe'")
    assert ("p7",) not in people and ("p3",) in people
    assert world.account("stripe:customer:p7").startswith("acc_")


def test_merges_hold_in_a_chain_and_in_a_cycle(world: World) -> None:
    assert world.same_person(*(f"hubspot:contact:m{number}" for number in (1, 2, 3, 4)))
    assert world.same_person(*(f"hubspot:contact:c{number}" for number in (1, 2, 3)))
    assert world.same_person("hubspot:contact:c4", "hubspot:contact:c5")


def test_the_merge_that_closes_a_cycle_is_refused(world: World) -> None:
    assert world.reviewed(*(f"hubspot:contact:c{number}" for number in (1, 2, 3))) == {"merge_cycle"}
    assert world.rules("hubspot:contact:c1", "hubspot:contact:c3") == set()
    assert world.rules("hubspot:contact:c1", "hubspot:contact:c2") == {"merge"}
    # of two that name each other one merge stands and one does not: the pair has evidence enough
    assert world.rules("hubspot:contact:c4", "hubspot:contact:c5") == {"merge"}


def test_those_who_name_a_purged_contact_are_one(world: World) -> None:
    assert world.same_person("encharge:person:r1", "encharge:person:r1b")
    assert world.rules("encharge:person:r1", "encharge:person:r1b") == {"crm_reference"}


def test_a_contact_that_too_many_name_joins_nobody(world: World) -> None:
    assert world.same_person("hubspot:contact:r5", *(f"encharge:person:r5-{number}" for number in range(5)))
    people = ["hubspot:contact:r6", *(f"encharge:person:r6-{number}" for number in range(6))]
    assert len({world.human(node) for node in people}) == 7
    assert world.reviewed(*people) == {"crowded_reference"}


def test_a_chain_of_links_says_why_two_records_are_one(world: World) -> None:
    assert world.why("account", "hubspot:company:a10", "hubspot:company:a10b") == [
        ("crm_reference", "stripe:customer:a10 names hubspot:company:a10"),
        ("billing_reference", "hubspot:company:a10b names stripe:customer:a10"),
    ]
    assert world.why("person", "encharge:person:p1", "hubspot:contact:p1") == [("email", "ann@mail-one.com")]
    assert world.why("person", "hubspot:contact:p6", "encharge:person:p6") == []
    assert world.why("person", "hubspot:contact:p1", "hubspot:contact:p2") == []


def test_an_alias_says_when_its_records_were_joined(world: World) -> None:
    rows = world.dbt.rows("select distinct joined_at from journey.person_aliases")
    assert [f"{joined:%Y-%m-%d %H:%M:%S}+00" for (joined,) in rows] == [FIRST]


@pytest.mark.parametrize(
    ("nodes", "rule"),
    [
        (("stripe:customer:a1", "hubspot:company:a1"), "crm_reference"),
        (("stripe:customer:a2", "hubspot:company:a2"), "billing_reference"),
        (("hubspot:company:a3", "hubspot:company:a3b"), "company_domain"),
        (("stripe:customer:a4", "hubspot:company:a4"), "billing_domain"),
        (("stripe:customer:a5", "hubspot:company:a5"), "contact_mailbox"),
        (("stripe:customer:a6", "hubspot:company:a6"), "engagement_reference"),
        (("hubspot:company:a7", "hubspot:company:a7b"), "merge"),
        (("stripe:customer:a8", "hubspot:company:a8"), "billing_domain"),
        (("stripe:customer:a9", "stripe:customer:a9b"), "billing_mailbox"),
        (("hubspot:company:a10b", "stripe:customer:a10"), "billing_reference"),
        (("hubspot:company:o6", "hubspot:company:o6b"), "override"),
    ],
)
def test_accounts_are_joined_by(world: World, nodes: tuple[str, str], rule: str) -> None:
    assert world.same_account(*nodes)
    assert rule in world.rules(*nodes)


def test_a_customer_of_a_merged_away_company_follows_it(world: World) -> None:
    assert world.same_account("stripe:customer:a7", "hubspot:company:a7", "hubspot:company:a7b")


def test_two_companies_with_different_domains_go_to_review(world: World) -> None:
    nodes = ("hubspot:company:g1", "hubspot:company:g1b", "stripe:customer:g1")
    assert len({world.account(node) for node in nodes}) == 3
    assert world.reviewed(*nodes) == {"different_companies"}


def test_free_mail_joins_no_accounts(world: World) -> None:
    assert not world.same_account("hubspot:company:g2", "stripe:customer:g2")


def test_parent_and_subsidiary_stay_apart(world: World) -> None:
    assert not world.same_account("hubspot:company:g3", "hubspot:company:g3b")
    assert not world.same_account("hubspot:company:g3", "stripe:customer:g3")
    assert not world.same_account("hubspot:company:g3b", "stripe:customer:g3")
    assert world.reviewed("hubspot:company:g3", "stripe:customer:g3") == {"different_companies"}


def test_parent_and_subsidiary_stay_apart_when_a_third_company_bridges_them(world: World) -> None:
    assert not world.same_account("hubspot:company:g5", "hubspot:company:g5b")
    assert world.same_account("hubspot:company:g5", "hubspot:company:g5c")


def test_a_crowded_domain_is_no_evidence(world: World) -> None:
    assert len({world.account(f"hubspot:company:g4-{number}") for number in range(7)}) == 7
    assert not world.same_account("stripe:customer:g4", "hubspot:company:g4-0")


def test_a_shared_billing_mailbox_does_not_join_two_companies(world: World) -> None:
    assert world.same_account("hubspot:company:g6", "stripe:customer:g6")
    assert world.same_account("hubspot:company:g6b", "stripe:customer:g6b")
    assert not world.same_account("stripe:customer:g6", "stripe:customer:g6b")


def test_a_resellers_mailbox_does_not_make_its_client_the_reseller(world: World) -> None:
    assert (
        len({world.account(node) for node in ("hubspot:company:g7", "hubspot:company:g7b", "stripe:customer:g7")}) == 3
    )
    assert "named_elsewhere" in world.reviewed("hubspot:company:g7", "stripe:customer:g7")
    assert world.same_account("hubspot:company:g7b", "stripe:customer:g7b")


def test_a_namesake_is_who_its_domain_says(world: World) -> None:
    assert world.same_account("hubspot:company:g8", "stripe:customer:g8")
    assert not world.same_account("hubspot:company:g8", "hubspot:company:g8b")


def test_an_override_that_was_taken_back_joins_nobody(world: World) -> None:
    assert not world.same_person("hubspot:contact:o7", "hubspot:contact:o7b")


def test_an_override_places_a_customer_against_its_own_reference(world: World) -> None:
    assert world.same_account("hubspot:company:o2b", "stripe:customer:o2")
    assert not world.same_account("hubspot:company:o2", "stripe:customer:o2")


def test_an_override_splits_and_each_side_keeps_its_own(world: World) -> None:
    assert not world.same_account("hubspot:company:o3", "hubspot:company:o3b")
    assert world.same_account("hubspot:company:o3", "stripe:customer:o3")
    assert world.same_account("hubspot:company:o3b", "stripe:customer:o3b")
    assert world.reviewed("hubspot:company:o3", "hubspot:company:o3b") == {"split_by_override"}


def test_an_override_splits_records_that_a_third_one_joins(world: World) -> None:
    assert world.same_person("hubspot:contact:o4", "encharge:person:o4")
    assert not world.same_person("hubspot:contact:o4", "stripe:customer:o4")


def test_a_split_wins_over_a_merge_and_over_a_join(world: World) -> None:
    assert not world.same_person("hubspot:contact:o5", "hubspot:contact:o5b")


def test_an_override_of_an_unknown_record_is_listed(world: World) -> None:
    assert world.reviewed("hubspot:contact:o1", "hubspot:contact:nobody") == {"unknown_record"}


def test_a_persons_account_is_the_best_evidence_there_is(world: World) -> None:
    assert world.account_of("hubspot:contact:w1") == world.account("hubspot:company:w1")
    assert world.account_of("hubspot:contact:w2") == world.account("hubspot:company:w1b")
    assert world.account_of("hubspot:contact:w3") == "unknown"
    assert world.account_of("hubspot:contact:w4") == world.account("hubspot:company:w1")
    assert world.account_of("encharge:person:w5") == world.account("stripe:customer:w5")


def test_a_domain_of_two_accounts_gives_its_people_neither(world: World) -> None:
    assert not world.same_account("hubspot:company:g5b", "hubspot:company:g5c")
    assert world.account_of("hubspot:contact:w6") == "unknown"


def test_a_name_proposes_but_never_joins(world: World) -> None:
    assert not world.same_account("hubspot:company:n1", "stripe:customer:n1")
    assert world.reviewed("hubspot:company:n1", "stripe:customer:n1") == {"same_name_and_country"}
    assert not world.same_person("hubspot:contact:n2", "hubspot:contact:n2b")
    assert world.reviewed("hubspot:contact:n2", "hubspot:contact:n2b") == {"same_name_and_account"}
    assert not world.same_person("hubspot:contact:n3", "hubspot:contact:n3b")
    assert "same_name_and_domain" in world.reviewed("hubspot:contact:n3", "hubspot:contact:n3b")


def test_every_own_id_leads_to_its_cluster(world: World) -> None:
    for entity in ("account", "person"):
        assert (
            world.dbt.value(
                f"select count(*) from identity.{entity}_clusters as c left join journey.{entity}_aliases as a "
                f"on c.own_id = a.alias_id where coalesce(a.{entity}_id, c.own_id) <> c.{entity}_id"
            )
            == 0
        )


def test_ids_come_from_the_oldest_record(dbt: DbtWarehouse) -> None:
    """Records that arrive later, and runs on earlier instants, change no id of what was there."""
    world = World(dbt)
    world.company("1", "one.com", created_at="2025-03-01")
    world.contact("1", "ann@one.com", created_at="2025-03-01")
    world.customer("2", "pay@two.com")
    world.resolve()
    account, customer = world.account("hubspot:company:1"), world.account("stripe:customer:2")
    person = world.human("hubspot:contact:1")
    assert account != customer

    later = World(dbt, LATER)
    # created before everything else, but seen after it
    later.company("0", "one.com", created_at="2020-01-01")
    later.person("0", "ann@one.com", created_at="2020-01-01")
    later.customer("0", "pay@one.com", created_at="2020-01-01")
    later.company("3", "two.com", created_at="2020-01-01")
    later.resolve()
    joined = ("hubspot:company:1", "hubspot:company:0", "stripe:customer:0")
    assert {later.account(node) for node in joined} == {account}
    assert {later.human(node) for node in ("hubspot:contact:1", "encharge:person:0")} == {person}
    assert {later.account(node) for node in ("stripe:customer:2", "hubspot:company:3")} == {customer}

    # a merge joins two accounts: the older id stays, the other becomes an alias
    merging = World(dbt, "2025-08-01 00:00:00+00")
    merging.company("1", "one.com", created_at="2025-03-01", merged_ids="3", modified_at="2025-08-01 00:00:00+00")
    merging.resolve()
    kept = merging.account("hubspot:company:1")
    assert kept == merging.account("stripe:customer:2") and kept in (account, customer)
    (gone,) = {account, customer} - {kept}
    assert dbt.value(f"select account_id from journey.account_aliases where alias_id = '{gone}'") == kept

    # the past as it was known then
    world.resolve(as_of="2025-06-15 00:00:00")
    assert (world.account("hubspot:company:1"), world.human("hubspot:contact:1")) == (account, person)
    assert world.account("stripe:customer:2") == customer
    assert dbt.value("select count(*) from journey.account_sources") == 2


def test_a_claim_that_comes_later_does_not_undo_the_first(dbt: DbtWarehouse) -> None:
    world = World(dbt)
    world.company("1", "one.com")
    world.customer("1", hubspot_company_id="1")
    world.load()
    later = World(dbt, LATER)
    later.company("2", "two.com", stripe_customer_id="1")
    later.resolve()
    assert later.same_account("hubspot:company:1", "stripe:customer:1")
    assert not later.same_account("hubspot:company:2", "stripe:customer:1")
    assert later.reviewed("hubspot:company:2", "stripe:customer:1") == {"better_claim_elsewhere"}


def test_a_reference_is_as_old_as_its_first_version(dbt: DbtWarehouse) -> None:
    """A company that was there from the start and claims a customer later does not undo the first claim."""
    world = World(dbt)
    world.company("1", "one.com")
    world.company("2", "two.com")
    world.customer("1", hubspot_company_id="1")
    world.load()
    later = World(dbt, LATER)
    later.company("2", "two.com", stripe_customer_id="1", modified_at=LATER)
    # said again in a later version, which makes it no younger
    later.customer("1", hubspot_company_id="1", name="renamed", modified_at=LATER)
    later.resolve()
    assert later.same_account("hubspot:company:1", "stripe:customer:1")
    assert not later.same_account("hubspot:company:2", "stripe:customer:1")
    assert dbt.rows("select rule, cast(first_seen_at as date) from identity.identity_links order by all") == [
        ("billing_reference", date(2025, 7, 1)),
        ("crm_reference", date(2025, 6, 1)),
    ]


def test_nothing_at_all_gives_empty_tables(dbt: DbtWarehouse) -> None:
    dbt.build("+account_sources", "+person_sources", "+identity_review", "+dim_people", "+dim_accounts")
    assert dbt.rows("select account_key, account_id from journey.dim_accounts") == [("unknown", "unknown")]
    assert dbt.rows("select person_key, person_id from journey.dim_people") == [("unknown", "unknown")]
