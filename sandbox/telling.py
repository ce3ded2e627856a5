"""Drawing an account's story: its people and visits, its way through sales, its lives as a customer."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from sandbox import names
from sandbox.arrivals import SEASON, Arrivals
from sandbox.catalog import Catalog
from sandbox.channels import CHANNELS, Channel
from sandbox.clock import DAY, HOUR, MINUTE, add_months, day_of, daytime, working_hours
from sandbox.dirt import PLAIN, Dirt
from sandbox.story import DealPlan, Life, Person, Story, Touch


def tell(
    seed: int,
    index: int,
    position: float,
    arrivals: Arrivals,
    catalog: Catalog,
    earlier: Sequence[Story] = (),
    consumer: bool = False,
    dirt: Dirt = PLAIN,
) -> Story:
    """Draw the story of account `index`, the `position`-th to arrive; some belong to one of the `earlier` ones."""
    rng = random.Random(f"{seed}:{index}:story")
    arrival = arrivals.at(position + rng.random())
    country = names.pick_country(rng)
    channel = _channel(arrival, catalog, rng)
    employees = int(math.exp(rng.gauss(3.6, 1.1))) + 2
    quality = channel.quality + rng.gauss(0, 0.8) + (0.25 if 20 <= employees <= 400 else -0.2)
    campaign = rng.choice(channel.campaigns) if channel.campaigns else ""
    lead_at = arrival + int(rng.lognormvariate(1.2, 1.1) * DAY) + int(rng.random() * 6 * HOUR)
    company = None if consumer else names.company(seed, index, country, rng)
    parent = None
    if company and len(earlier) > 5 and rng.random() < dirt.subsidiary:
        candidate = rng.choice(earlier)
        if candidate.parent is None and candidate.company:
            parent, company = candidate, names.subsidiary(candidate.company, company)
    reseller, mess = None, random.Random(f"{seed}:{index}:dirt")
    if company and parent is None and len(earlier) > 5:
        others = [other for other in earlier[-200:] if other.company and other.reseller is None]
        if mess.random() < dirt.resold:
            reseller = mess.choice(others[: 1 + len(others) // 20])
        if mess.random() < dirt.namesake:
            company = names.namesake(company, mess.choice(others).company)
    story = Story(
        index,
        seed,
        company,
        parent,
        country,
        names.CURRENCY_OF.get(country, "USD"),
        employees,
        channel,
        campaign,
        arrival,
        quality,
        lead_at,
        subscriber_first=rng.random() < 0.22,
        dirt=dirt,
        reseller=reseller,
    )
    _people(story, rng)
    _touches(story, rng)
    if consumer:
        return story
    _qualify(story, catalog, rng)
    return story


def _channel(arrival: int, catalog: Catalog, rng: random.Random) -> Channel:
    """Shares drift: paid social fades as referrals and search grow."""
    years = (arrival - catalog.start) / (365 * DAY)
    drift = {"paid_social": 0.85**years, "referral": 1.15**years, "organic_search": 1.08**years}
    weights = [channel.share * drift.get(channel.name, 1.0) for channel in CHANNELS]
    return rng.choices(CHANNELS, weights)[0]


def _people(story: Story, rng: random.Random) -> None:
    count = 1 if story.company is None else rng.choices((1, 2, 3, 4, 5), (20, 32, 26, 14, 8))[0]
    style, taken = rng.randrange(3), set()
    for number in range(count):
        first, last = names.person_name(story.country, rng)
        if story.company is None or rng.random() < story.dirt.private_mail:
            mark = f"{story.index}{chr(97 + number) if number else ''}"
            email = f"{names.ascii_text(first)}.{names.ascii_text(last)}{mark}@{rng.choice(names.FREE_MAIL)}"
        else:
            email = names.work_email(first, last, story.company.domain, style)
            if story.mail_domain != story.company.domain:
                # one address book for the whole group, so the address needs a mark
                email = email.replace(f"@{story.company.domain}", f"{story.index}@{story.mail_domain}")
            if email in taken:
                email = f"{names.ascii_text(first)}.{names.ascii_text(last)}{number}@{story.company.domain}"
        taken.add(email)
        joined = story.lead_at if number == 0 else story.lead_at + int(rng.expovariate(1 / 40) * DAY) + HOUR
        job = rng.choices([name for name, _ in names.JOBS], [share for _, share in names.JOBS])[0]
        story.people.append(
            Person(first, last, email, story.country, job, joined, min(1.0, max(0.05, rng.gauss(0.5, 0.2))))
        )


def _touches(story: Story, rng: random.Random) -> None:
    """Sessions before the lead: the first of the winning channel, others in between, the last with a form."""
    span = story.lead_at - story.arrival
    between = sorted(rng.random() for _ in range(rng.choices((0, 1, 2, 3, 4), (34, 28, 20, 12, 6))[0]))
    story.touches.append(_touch(story.arrival, story.channel, story.campaign, None, rng))
    others = [c for c in CHANNELS if c.name not in ("event", "partner")]
    for share in between:
        channel = rng.choice(others)
        campaign = rng.choice(channel.campaigns) if channel.campaigns else ""
        story.touches.append(_touch(story.arrival + int(span * share), channel, campaign, None, rng))
    last = story.channel if not between or rng.random() < 0.5 else rng.choice(others)
    campaign = rng.choice(last.campaigns) if last.campaigns else ""
    form = (
        "Newsletter"
        if story.subscriber_first
        else rng.choice(("Demo request", "Contact us", "E-book: revenue operations"))
    )
    story.touches.append(_touch(story.lead_at, last, campaign, 0, rng, form))


_PAGES = (
    "/",
    "/pricing",
    "/product",
    "/customers",
    "/blog/revenue-operations",
    "/blog/forecasting",
    "/integrations",
    "/about",
)


def _touch(
    at: int, channel: Channel, campaign: str, person: int | None, rng: random.Random, form: str | None = None
) -> Touch:
    pages = tuple(rng.choice(_PAGES) for _ in range(rng.choices((1, 2, 3, 4), (45, 30, 15, 10))[0]))
    source = rng.choice(channel.sources) if channel.sources else ""
    return Touch(at, channel, source, campaign, person, pages, form)


def _chance(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds))


def _qualify(story: Story, catalog: Catalog, rng: random.Random) -> None:
    """Lead to qualified lead to answered lead; small companies may help themselves to a trial instead."""
    if rng.random() > _chance(1.35 + 0.6 * story.quality):
        return
    story.mql_at = story.lead_at + int(rng.lognormvariate(1.3, 0.9) * DAY) + HOUR
    if story.employees < 60 and rng.random() < 0.42:
        _help_themselves(story, catalog, rng)
        return
    story.assigned_at = story.mql_at + int(rng.expovariate(1 / 25) * MINUTE) + 5 * MINUTE
    story.owner = rng.choice(catalog.team("Sales Development"))
    if rng.random() < 0.07:
        story.lost_reason = "UNATTEMPTED"
        return
    delay = story.owner.speed * rng.lognormvariate(0, 0.7)
    story.answered_at = working_hours(story.assigned_at + int(delay * HOUR) + MINUTE)
    hours = (story.answered_at - story.assigned_at) / HOUR
    # A lead that waits goes cold: every doubling of the response time beyond an hour costs.
    wait = 0.28 * math.log2(max(1.0, hours))
    if rng.random() > _chance(2.6 + 0.7 * story.quality + story.owner.skill - wait):
        story.lost_reason = rng.choice(("UNQUALIFIED", "BAD_TIMING", "ATTEMPTED_TO_CONTACT"))
        return
    story.sql_at = story.answered_at + int((1 + rng.expovariate(1 / 3)) * DAY)
    story.executive = rng.choice(catalog.team("Account Executives"))
    if rng.random() < 0.1:
        return
    created = story.sql_at + int(rng.expovariate(1 / 2) * DAY) + HOUR
    deal = _deal(
        story, created, "newbusiness", _chance(1.55 + 0.75 * story.quality + story.executive.skill - wait), rng
    )
    story.deals.append(deal)
    if not deal.won and rng.random() < 0.25:
        deal = _deal(story, deal.closed + int(rng.uniform(60, 220) * DAY), "newbusiness", 0.4, rng)
        story.deals.append(deal)
    if deal.won:
        _buy(story, deal.closed + int(rng.uniform(0.1, 3) * DAY), catalog, rng, trial=rng.random() < 0.12)


def _deal(story: Story, created: int, kind: str, chance: float, rng: random.Random) -> DealPlan:
    """A walk through the pipeline; losing deals stop at any stage, some steps are skipped, a few go back."""
    path = ["appointmentscheduled", "qualifiedtobuy", "presentationscheduled", "decisionmakerboughtin", "contractsent"]
    won = rng.random() < chance
    season = SEASON[day_of(created).month - 1]
    pace = (1.0 + math.log10(story.employees) / 2) / season * (0.7 if kind == "existingbusiness" else 1.0)
    last = len(path) if won else rng.choices((1, 2, 3, 4, 5), (25, 28, 22, 15, 10))[0]
    at, stages = created, [(created, path[0])]
    for stage in path[1:last]:
        at = working_hours(at + int(rng.lognormvariate(1.6, 0.7) * pace * DAY) + HOUR)
        if rng.random() < 0.13 and stage != "contractsent":
            continue
        stages.append((at, stage))
        if rng.random() < 0.04 and len(stages) > 2:
            at = working_hours(at + int(rng.uniform(1, 6) * DAY))
            stages.append((at, stages[-2][1]))
    at = working_hours(at + int(rng.lognormvariate(1.7, 0.7) * pace * (1 if won else 1.5) * DAY) + HOUR)
    stages.append((at, "closedwon" if won else "closedlost"))
    assert story.executive is not None
    return DealPlan(created, kind, story.executive, stages, rng.uniform(0.85, 1.3), at, won)


def _help_themselves(story: Story, catalog: Catalog, rng: random.Random) -> None:
    assert story.mql_at is not None
    start = story.mql_at + int(rng.expovariate(1 / 2) * DAY) + HOUR
    _buy(story, start, catalog, rng, trial=rng.random() < 0.8, chance=_chance(0.55 + 0.8 * story.quality))


def _office(at: int, rng: random.Random) -> int:
    """A time by day, on the day after `at`: so that invoices settle on the day they are made."""
    return daytime(at + DAY - at % DAY + int(rng.random() * DAY))


def _buy(story: Story, at: int, catalog: Catalog, rng: random.Random, trial: bool, chance: float = 1.0) -> None:
    """The first life, and what follows: second subscriptions, expansions, an end, a comeback."""
    converts = not trial or rng.random() < max(chance, 0.75 if story.deals else 0)
    if not trial and chance < 1 and rng.random() > chance:
        return
    if not trial and story.deals:
        converts = True
    start = _office(at, rng)
    first = _life(story, start, 14 if trial else 0, converts, rng)
    story.lives.append(first)
    if not converts:
        return
    paid = start + first.trial_days * DAY
    for _ in range(3):
        at = paid + int(rng.uniform(90, 800) * DAY)
        if at < first.risk - 60 * DAY and rng.random() < 0.35 and story.executive is not None:
            deal = _deal(story, at - int(rng.uniform(20, 50) * DAY), "existingbusiness", 0.7, rng)
            if deal.closed < first.risk - 45 * DAY and all(
                abs(deal.closed - other) > 60 * DAY for other, _ in story.expansions
            ):
                story.deals.append(deal)
                story.expansions.append((_office(deal.closed, rng), deal.won))
    if rng.random() < 0.07:
        other = _life(story, _office(paid + int(rng.uniform(30, 200) * DAY), rng), 0, True, rng)
        if other.start < first.risk - 30 * DAY:
            other.second = True
            story.lives.append(other)
    if rng.random() < 0.22:
        gap = int(rng.uniform(35, 220) * DAY)
        story.lives.append(_life(story, _office(first.risk + 35 * DAY + gap, rng), 0, True, rng))


def _life(story: Story, start: int, trial_days: int, converts: bool, rng: random.Random) -> Life:
    size = story.employees
    plan = rng.choices(("starter", "growth", "scale"), (60, 33, 7) if size < 30 else (22, 52, 26))[0]
    interval = "year" if rng.random() < (0.18 if size < 30 else 0.38) else "month"
    seats = max(1, min(120, round(size**0.62 * rng.uniform(0.5, 1.2) * story.channel.value)))
    months = max(
        1,
        round(
            rng.expovariate(1 / (21 * story.channel.loyalty * math.exp(0.25 * (story.quality - story.channel.quality))))
        ),
    )
    paid = start + trial_days * DAY
    if interval == "year":
        risk = add_months(paid, 12 * max(1, math.ceil(months / 12)))
    else:
        risk = add_months(paid, min(months + 1, 90))
    coupon = None
    pick = rng.random()
    if pick < 0.07:
        coupon = "launch20"
    elif pick < 0.14 and not trial_days:
        coupon = "half6"
    elif pick < 0.19 and not trial_days:
        coupon = "welcome30"
    elif pick < 0.24 and story.currency in ("USD", "EUR") and seats > 1:
        coupon = f"loyal15{story.currency.lower()}"
    yearly_from = None
    if interval == "month" and months >= 8 and rng.random() < 0.1 and not (coupon or "").startswith("loyal"):
        # Going yearly starts a new period at once, so the planned end moves to a yearly boundary.
        turn = rng.randrange(3, months - 3)
        yearly_from = add_months(paid, turn) + int(rng.uniform(4, 20)) * DAY
        risk = add_months(yearly_from, 12 * max(1, math.ceil((months - turn) / 12)))
    ending = rng.choices(("period_end", "immediate", "unpaid"), (66, 14, 20))[0]
    invoiced = interval == "year" and size > 80 and rng.random() < 0.6
    return Life(start, plan, interval, seats, trial_days, converts, coupon, risk, ending, invoiced, False, yearly_from)
