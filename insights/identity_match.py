"""Doubtful pairs of people with a probability, by Splink (Fellegi and Sunter's model): proposals, which join nobody.

The model learns from what identity knows for certain: how often the same person is written alike, from records that
rules have joined; how often two people are alike by chance, from random pairs. So there is nothing to label and nothing
to tune. Addresses are left out: rules join equal ones, so joined records cannot tell how often one person has two. It
needs the extra of `make setup-splink`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

# a pair is compared only when the records agree in one of these
BLOCKS = (
    ("account_id", "last_name"),
    ("account_id", "first_name"),
    ("domain", "last_name"),
    ("first_name", "last_name"),
)
MINIMUM_JOINED = 20
THRESHOLD = 0.5
SEED = 7
COLUMNS = ("node_id", "neighbour_id", "entity_id", "neighbour_entity_id", "probability")


def is_installed() -> bool:
    """Whether the extra is there."""
    from importlib.util import find_spec

    return find_spec("splink") is not None


def propose_people(records: pd.DataFrame, threshold: float = THRESHOLD) -> pd.DataFrame:
    """Pairs of records of different people that may be one person.

    Args:
        records: one row a record: `node_id`, `entity_id` (the person that rules made of it), `account_id`, `name`,
            `email` (normalised), `country`; all text, what is unknown is None.
        threshold: the least probability to propose, 0 to 1.

    Returns:
        `node_id`, `neighbour_id` (the smaller id first), the people they belong to, and `probability` (0 to 1, four
        digits): of each pair of people the most probable pair of records, the most probable first. Empty when rules
        have joined too few records to learn from.
    """
    rows = features(records)
    if len(rows) - rows["entity_id"].nunique() < MINIMUM_JOINED:
        return nothing()
    import splink.comparison_library as compare
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    comparisons = [
        compare.JaroWinklerAtThresholds("first_name", [0.92, 0.8]),
        compare.JaroWinklerAtThresholds("last_name", [0.92, 0.8]),
        compare.ExactMatch("account_id"),
        compare.ExactMatch("country"),
    ]
    settings = SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="node_id",
        comparisons=comparisons,
        blocking_rules_to_generate_predictions=[block_on(*columns) for columns in BLOCKS],
        additional_columns_to_retain=["entity_id"],
        # one pair in so many is the same person: counted on what rules have joined
        probability_two_random_records_match=known_pairs(rows) / (len(rows) * (len(rows) - 1) / 2),
    )
    linker = Linker(DuckDBAPI().register(rows), settings, log_level=None)
    linker.training.estimate_u_using_random_sampling(max_pairs=5_000_000, seed=SEED)
    linker.training.estimate_m_from_label_column("entity_id")
    found = linker.inference.predict(threshold_match_probability=threshold).as_pandas_dataframe()
    return strongest(found[found["entity_id_l"] != found["entity_id_r"]])


def nothing() -> pd.DataFrame:
    """No proposals."""
    import pandas as pd

    return pd.DataFrame({name: pd.Series(dtype="float64" if name == "probability" else "object") for name in COLUMNS})


def features(records: pd.DataFrame) -> pd.DataFrame:
    """What the model compares: names in parts, lower case, account and country; the mail domain only finds pairs."""
    rows = records[["node_id", "entity_id", "account_id", "country"]].copy()
    names = records["name"].str.lower().str.strip()
    rows["first_name"] = names.str.extract(r"^(\S+)\s", expand=False)
    rows["last_name"] = names.str.extract(r"\s(\S+)$", expand=False)
    rows["domain"] = records["email"].str.extract(r"@(.+)$", expand=False)
    rows["account_id"] = rows["account_id"].mask(rows["account_id"] == "unknown")
    return rows.astype(object).where(rows.notna(), None)


def known_pairs(rows: pd.DataFrame) -> int:
    """Pairs of records that rules have joined."""
    sizes = rows.groupby("entity_id").size()
    return int((sizes * (sizes - 1) // 2).sum())


def strongest(found: pd.DataFrame) -> pd.DataFrame:
    """Of each pair of people the most probable pair of records, in a fixed order."""
    import pandas as pd

    if found.empty:
        return nothing()
    pairs: dict[tuple[str, str], tuple[Any, ...]] = {}
    for row in found.itertuples():
        left, right = sorted([(row.node_id_l, row.entity_id_l), (row.node_id_r, row.entity_id_r)])
        key = tuple(sorted([left[1], right[1]]))
        candidate = (-round(float(row.match_probability), 4), left[0], right[0], left[1], right[1])
        pairs[key] = min(pairs.get(key, candidate), candidate)
    rows = [(left, right, one, other, -negative) for negative, left, right, one, other in sorted(pairs.values())]
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return frame.astype({"probability": "float64"})
