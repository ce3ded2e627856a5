"""Invented companies and people, and the small ways in which the same one is written differently."""

from __future__ import annotations

import random
import unicodedata
from dataclasses import dataclass, replace


def _words(text: str) -> list[str]:
    return text.split()


_HEAD = _words(
    "nor cal vel bri ten lum kor sol mar quin fen hal jun pol ros tam wes zen ald bor cor dun elm far gil hol ist "
    "kes lor mon nev orm per rav sil tor ulm var wol yar"
)
_MIDDLE = _words("a e i o u ae ia eo io ua")
_TAIL = _words(
    "dex tis mar lon vik den ston tra quo rix sen bel nova fort crest wick lane mond gard zia plex dale field "
    "brook lynx tek ware point mont hive"
)
_SECTORS = (
    ("Software", "COMPUTER_SOFTWARE"),
    ("Logistics", "LOGISTICS_AND_SUPPLY_CHAIN"),
    ("Media", "ONLINE_MEDIA"),
    ("Health", "HOSPITAL_HEALTH_CARE"),
    ("Finance", "FINANCIAL_SERVICES"),
    ("Retail", "RETAIL"),
    ("Energy", "UTILITIES"),
    ("Consulting", "MANAGEMENT_CONSULTING"),
    ("Foods", "FOOD_PRODUCTION"),
    ("Robotics", "INDUSTRIAL_AUTOMATION"),
    ("Travel", "LEISURE_TRAVEL_TOURISM"),
    ("Learning", "E_LEARNING"),
)
_FORM = {
    "US": "Inc.",
    "CA": "Inc.",
    "GB": "Ltd",
    "IE": "Ltd",
    "DE": "GmbH",
    "FR": "SAS",
    "NL": "B.V.",
    "JP": "K.K.",
    "AU": "Pty Ltd",
}
_ENDING = {
    "GB": ("co.uk", "com"),
    "DE": ("de", "com"),
    "FR": ("fr", "com"),
    "NL": ("nl", "com"),
    "IE": ("ie", "com"),
    "JP": ("jp", "co.jp"),
    "AU": ("com.au",),
    "CA": ("ca", "com"),
    "US": ("com", "com", "io", "co"),
}
COUNTRIES = (
    ("US", "United States", 42),
    ("GB", "United Kingdom", 13),
    ("DE", "Germany", 13),
    ("FR", "France", 8),
    ("NL", "Netherlands", 5),
    ("IE", "Ireland", 3),
    ("JP", "Japan", 6),
    ("CA", "Canada", 5),
    ("AU", "Australia", 5),
)
COUNTRY_NAME = {code: name for code, name, _ in COUNTRIES}
CURRENCY_OF = {"GB": "GBP", "DE": "EUR", "FR": "EUR", "NL": "EUR", "IE": "EUR", "JP": "JPY"}

_GIVEN = {
    "": _words(
        "Emma Olivia James Henry Grace Noah Chloe Daniel Amelia Lucas Sofia Ethan Hannah Oscar Zoe Marcus Alice "
        "Ryan Laura Peter Diana Simon Carla Hugo Nadia Paul Irene Kevin Megan Adrian Julia Stefan Clara Martin "
        "Elena Robert Vera Andrew"
    ),
    "DE": _words("Jürgen Anke Lukas Sabine Björn Käthe Matthias Heike Florian Ute"),
    "FR": _words("Chloé Mathieu Élodie François Amélie Benoît Camille Rémi"),
    "JP": _words("Haruto Yui Sakura Kenji Naoko Takumi Emi Daichi"),
}
_FAMILY = {
    "": _words(
        "Carter Hughes Bennett Foster Reid Coleman Hayes Barnes Murphy Gray Ward Price Long Doyle Marsh Blake "
        "Frost Pierce Nash Lowe Stone Wells Chase Hale Quinn Vance Kerr Booth Dale Rhodes O'Neill Sharp Lamb "
        "Parry Silva Romano Larsen"
    ),
    "DE": _words("Müller Schäfer Weiß Köhler Brandt Vogel Krüger Hofmann Lange Becker"),
    "FR": _words("Lefèvre Girard Dubois Mercier Faure Chevalier Gauthier Renard"),
    "JP": _words("Sato Suzuki Watanabe Ito Yamamoto Kobayashi Kato Yoshida"),
}
FREE_MAIL = ("gmail.com", "outlook.com", "yahoo.com", "icloud.com", "web.de", "proton.me")
JOBS = (
    ("CEO", 8),
    ("Head of Operations", 10),
    ("Finance Manager", 10),
    ("Sales Director", 12),
    ("Revenue Operations Manager", 14),
    ("Marketing Manager", 12),
    ("IT Manager", 8),
    ("Office Manager", 8),
    ("Data Analyst", 10),
    ("Account Manager", 8),
)


@dataclass(frozen=True, slots=True)
class Company:
    """A company's public face."""

    name: str
    brand: str
    domain: str
    country: str
    industry: str


def company(seed: int, index: int, country: str, rng: random.Random) -> Company:
    """The company number `index`; brands and domains never repeat within a seed."""
    total = len(_HEAD) * len(_MIDDLE) * len(_TAIL)
    number = (index * 7_919 + seed * 101) % total
    head, rest = divmod(number, len(_MIDDLE) * len(_TAIL))
    middle, tail = divmod(rest, len(_TAIL))
    brand = _HEAD[head] + _MIDDLE[middle] + _TAIL[tail]
    # Past one round through the syllables the number of the round keeps brands apart.
    round_ = index // total
    sector, industry = rng.choice(_SECTORS)
    label = f"{brand}{round_ or ''}"
    ending = rng.choice(_ENDING[country])
    domain = f"{label}-{sector.lower()}.{ending}" if rng.random() < 0.25 else f"{label}.{ending}"
    return Company(f"{label.capitalize()} {sector} {_FORM[country]}", label.capitalize(), domain, country, industry)


def subsidiary(parent: Company, own: Company) -> Company:
    """The company as a daughter of `parent`: it bears the parent's name, and a domain of its own."""
    name = f"{parent.brand} {COUNTRY_NAME[own.country]} {_FORM[own.country]}"
    return Company(name, parent.brand, f"{parent.brand.lower()}-{own.domain}", own.country, parent.industry)


def namesake(own: Company, other: Company) -> Company:
    """The company under the name of an unrelated one: only domain, and perhaps country and legal form, differ."""
    sector = other.name.split()[1]
    return replace(own, name=f"{other.brand} {sector} {_FORM[own.country]}", brand=other.brand)


def pick_country(rng: random.Random) -> str:
    """An ISO country code, by market share."""
    return rng.choices([code for code, _, _ in COUNTRIES], [share for _, _, share in COUNTRIES])[0]


def person_name(country: str, rng: random.Random) -> tuple[str, str]:
    """First and last name, mostly local to the country."""
    local = country if country in _GIVEN and rng.random() < 0.7 else ""
    return rng.choice(_GIVEN[local]), rng.choice(_FAMILY[local])


def ascii_text(text: str) -> str:
    """The text as it stands in a mail address: lower case letters and digits only."""
    text = text.lower().replace("ü", "ue").replace("ö", "oe").replace("ä", "ae").replace("ß", "ss")
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return "".join(letter for letter in plain if letter.isalnum())


def work_email(first: str, last: str, domain: str, style: int) -> str:
    """A work address in one of the usual styles (0 to 2)."""
    given, family = ascii_text(first), ascii_text(last)
    local = (f"{given}.{family}", f"{given[0]}{family}", f"{given}{family[0]}")[style % 3]
    return f"{local}@{domain}"


def other_case(email: str, rng: random.Random) -> str:
    """The same address as a person types it: capitals, now and then a space behind it."""
    local, domain = email.split("@")
    written = ".".join(part.capitalize() for part in local.split("."))
    choice = rng.random()
    if choice < 0.6:
        return f"{written}@{domain}"
    if choice < 0.85:
        return email.upper() if choice < 0.7 else f"{written}@{domain.capitalize()}"
    return f"{written}@{domain} "


def misspelt(word: str, rng: random.Random) -> str:
    """The word with two neighbouring letters swapped, as a typing error."""
    if len(word) < 4:
        return word
    at = rng.randrange(1, len(word) - 2)
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
