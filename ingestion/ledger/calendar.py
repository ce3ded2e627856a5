"""Public holidays of a country or region, from the `holidays` library, as rows of the ledger's stream `holidays`."""

from __future__ import annotations

from datetime import datetime

FIRST_YEAR = 2000
YEARS_AHEAD = 3


class UnknownCountry(Exception):
    """The library knows no such country or region. The message names those that are close."""


def public_holidays(place: str, as_of: datetime) -> list[dict[str, str | None]]:
    """The public holidays of `US` or of `DE-BY` (country, or country and region, ISO 3166), named in English.

    From 2000 to three years after the run, so that no day is forgotten as time passes. Several on one day are one row.
    No place gives none. Raises UnknownCountry.
    """
    if not place:
        return []
    import holidays

    country, _, region = place.partition("-")
    years = range(FIRST_YEAR, as_of.year + YEARS_AHEAD + 1)
    try:
        found = holidays.country_holidays(country, subdiv=region or None, years=years, language="en_US")
    except NotImplementedError:
        supported = holidays.list_supported_countries()
        known = supported.get(country)
        raise UnknownCountry(
            f"no public holidays are known of {place}: "
            + (f"there is no country {country}" if known is None else f"its regions are {', '.join(known) or 'none'}")
        ) from None
    return [{"date": day.isoformat(), "name": name} for day, name in sorted(found.items())]
