"""Doubtful pairs of people: what the model compares, what it learns from, and what it finds."""

from __future__ import annotations

import pandas as pd
import pytest

from insights.identity_match import COLUMNS, features, is_installed, known_pairs, propose_people, strongest

NAMES = [
    f"{first} {last}" for first in ("Ann", "Bea", "Cid", "Dan", "Eve") for last in ("Stone", "Lamb", "Reid", "Nash")
]


def records(*rows: tuple[str, str, str | None, str | None, str | None]) -> pd.DataFrame:
    """Rows of (record, person, account, name, email), all in one country."""
    frame = pd.DataFrame(rows, columns=["node_id", "entity_id", "account_id", "name", "email"], dtype=object)
    return frame.assign(country="US")


def known_people() -> list[tuple[str, str, str | None, str | None, str | None]]:
    """People who are in two systems each, joined by rules."""
    rows = []
    for number, name in enumerate(NAMES * 5):
        email = f"{name.lower().replace(' ', '.')}@company{number}.com"
        rows += [(f"{system}:{number}", f"p{number}", f"a{number}", name, email) for system in ("crm", "mail")]
    return rows


def test_names_and_addresses_are_compared_in_parts() -> None:
    rows = features(records(("a", "p1", "unknown", " Ann van Stone ", "ann+x@one.com"), ("b", "p2", None, "Ann", None)))
    assert rows.iloc[0].to_dict() == {
        "node_id": "a",
        "entity_id": "p1",
        "account_id": None,
        "country": "US",
        "first_name": "ann",
        "last_name": "stone",
        "domain": "one.com",
    }
    assert set(rows.iloc[1][["account_id", "first_name", "last_name", "domain"]]) == {None}


def test_joined_pairs_are_counted() -> None:
    assert known_pairs(records(*((str(n), person, None, None, None) for n, person in enumerate("aaabbc")))) == 4


def test_of_two_people_the_most_probable_pair_of_records_stands() -> None:
    rows = [("b", "a", "p2", "p1", 0.71), ("c", "b", "p1", "p2", 0.93), ("d", "a", "p3", "p1", 0.99)]
    found = pd.DataFrame(rows, columns=["node_id_l", "node_id_r", "entity_id_l", "entity_id_r", "match_probability"])
    assert strongest(found).values.tolist() == [["a", "d", "p1", "p3", 0.99], ["b", "c", "p2", "p1", 0.93]]


def test_too_little_to_learn_from_proposes_nothing() -> None:
    found = propose_people(records(*((str(n), str(n), "a1", "Ann Stone", None) for n in range(50))))
    assert found.empty and tuple(found.columns) == COLUMNS


@pytest.mark.skipif(not is_installed(), reason="needs the extra of `make setup-splink`")
def test_a_colleague_under_a_private_address_is_proposed_and_a_namesake_is_not() -> None:
    rows = known_people()
    rows.append(("crm:private", "p900", "a3", NAMES[3], "nash.private@gmail.com"))
    rows.append(("crm:namesake", "p901", "a77", NAMES[5], "somebody@elsewhere.com"))
    found = propose_people(records(*rows), threshold=0.5)
    proposed = {frozenset(pair) for pair in found[["entity_id", "neighbour_entity_id"]].itertuples(index=False)}
    assert frozenset(("p900", "p3")) in proposed
    assert not any("p901" in pair for pair in proposed)
