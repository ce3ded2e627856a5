"""Email engagement and web visits as Encharge reports them, drawn by month and person, each from its own generator.

Nothing is stored: a month is drawn again whenever it is asked for and always comes out the same.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, TypeGuard

from sandbox.channels import CHANNEL, Channel
from sandbox.clock import DAY, HOUR, MINUTE, SECOND, instant, iso, shift_months
from sandbox.records import Recipient, Records
from sandbox.story import Story, Touch
from sandbox.timeline import Object

SITE = "https://www.throughlinedemo.com"
# An open or a click comes at most this long after its mail.
LAG = 9 * DAY
Timed = tuple[int, str, Object]

_AGENTS = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Safari/605.1.15",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
    "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
)
_SCANNERS = ("Mozilla/5.0", "BarracudaSentinel (EE)", "Mimecast Email Scanner", "LinkCheck-bot/2.1")


@dataclass(frozen=True, slots=True)
class Mail:
    """An email of the marketing team."""

    id: str
    name: str
    subject: str
    campaign: str
    page: str


_NURTURE = tuple(
    Mail(f"em_nurture{number}", f"Nurture {number}", subject, "nurture-sequence", page)
    for number, (subject, page) in enumerate(
        (
            ("Welcome, and where to start", "/product"),
            ("How teams see their whole funnel", "/customers"),
            ("A forecast you can defend", "/blog/forecasting"),
            ("What it costs, and what it saves", "/pricing"),
            ("Shall we talk?", "/demo"),
        ),
        start=1,
    )
)
_NURTURE_DAYS = (1, 4, 9, 16, 30)
_ONBOARDING = tuple(
    Mail(f"em_onboarding{number}", f"Onboarding {number}", subject, "onboarding", page)
    for number, (subject, page) in enumerate(
        (
            ("Your first report", "/docs/start"),
            ("Invite your team", "/docs/team"),
            ("Connect your data", "/integrations"),
        ),
        start=1,
    )
)
_ONBOARDING_DAYS = (0, 2, 6)


def month_events(members: Iterable[tuple[Story, Records]], month: date) -> list[Timed]:
    """All events that begin in the month (the first of it is given), those it causes in the next days included."""
    start, end = instant(month), instant(shift_months(month, 1))
    out: list[Timed] = []
    for story, records in members:
        if story.arrival >= end:
            continue
        if start - DAY <= story.lead_at:
            _sessions(story, records, start, end, out)
        for recipient in records.recipients:
            if recipient.joined < end and (recipient.gone is None or recipient.gone > start):
                _Diary(story, recipient, month, start, end, out).write()
    return out


def _event(kind: str, at: int, person: str | None, address: str | None, **more: Any) -> Timed:
    key = (
        "evt_" + hashlib.blake2b(f"{kind}|{person}|{at}|{more.get('anonymousId')}".encode(), digest_size=10).hexdigest()
    )
    return at, key, {"id": key, "type": kind, "createdAt": iso(at), "person": {"id": person, "email": address}, **more}


def _query(channel: Channel, source: str, campaign: str) -> str:
    """The UTM parameters of a visit; search and direct visits carry none."""
    if channel.medium in ("", "organic"):
        return ""
    return f"?utm_source={source}&utm_medium={channel.medium}&utm_campaign={campaign}"


def _referrer(channel: Channel, source: str) -> str | None:
    if channel.medium in ("organic", "cpc"):
        return f"https://www.{source}.com/"
    if channel.medium == "paid_social":
        return f"https://www.{source}.com/"
    return "https://www.g2.com/" if source == "g2" else None


def _page(path: str, query: str, referrer: str | None) -> Object:
    title = path.strip("/").split("/")[-1].replace("-", " ").capitalize() or "Home"
    return {"url": f"{SITE}{path}{query}", "referrer": referrer, "title": f"{title} | Throughline Demo"}


def _sessions(story: Story, records: Records, start: int, end: int, out: list[Timed]) -> None:
    """The web sessions up to the form: anonymous first, known with the form's submission."""
    visitor = "anon_" + hashlib.blake2b(f"{story.seed}:{story.index}:visitor".encode(), digest_size=8).hexdigest()
    for touch in story.touches:
        known = next((r for r in records.recipients if touch.person is not None and r.number == touch.person), None)
        # A form ends its session, so the pages of that one come before it.
        at = touch.at - (len(touch.pages) * 45 * SECOND if touch.form else 0)
        if start <= at < end:
            _session(touch, at, visitor, known, out)


def _session(touch: Touch, at: int, visitor: str, known: Recipient | None, out: list[Timed]) -> None:
    query, referrer = _query(touch.channel, touch.source, touch.campaign), _referrer(touch.channel, touch.source)
    for number, path in enumerate(touch.pages):
        page = _page(path, query if number == 0 else "", referrer if number == 0 else SITE + "/")
        out.append(
            _event(
                "pageVisited",
                at + number * 40 * SECOND,
                None,
                None,
                anonymousId=visitor,
                page=page,
                userAgent=_AGENTS[1],
            )
        )
    if touch.form:
        person, email = (known.id, known.email) if known else (None, None)
        out.append(
            _event(
                "formSubmitted",
                touch.at + 6 * SECOND,
                person,
                email,
                anonymousId=visitor,
                form={"name": touch.form},
                page=_page(touch.pages[-1], query if len(touch.pages) == 1 else "", None),
            )
        )


class _Diary:
    """One person's month."""

    def __init__(self, story: Story, recipient: Recipient, month: date, start: int, end: int, out: list[Timed]) -> None:
        self.story, self.recipient, self.month, self.out = story, recipient, month, out
        self.start, self.end = max(start, recipient.joined), end
        self.rng = random.Random(f"{story.seed}:{recipient.id}:{month}")
        # The reading device is the person's, not the month's.
        habit = random.Random(f"{story.seed}:{recipient.id}").random()
        self.prefetch = _SCANNERS[0] if habit < 0.25 else _SCANNERS[1 + int(habit * 100) % 3] if habit > 0.94 else None
        self.agent = _AGENTS[int(habit * 1000) % len(_AGENTS)]

    def write(self) -> None:
        """All events of the month."""
        self._system()
        for at, mail in self._mails():
            self._send(at, mail)
        self._visits()

    def _add(self, kind: str, at: int, **more: Any) -> None:
        if self.recipient.gone is None or at < self.recipient.gone:
            self.out.append(_event(kind, at, self.recipient.id, self.recipient.email, **more))

    def _within(self, at: int | None) -> TypeGuard[int]:
        return at is not None and self.start <= at < self.end

    def _system(self) -> None:
        recipient = self.recipient
        if self._within(recipient.joined):
            self._add("newUser", recipient.joined)
        if self._within(recipient.synced):
            self._add("updatedUser", recipient.synced)
        for at, tag, added in recipient.tags:
            if self._within(at):
                self._add("addedTag" if added else "removedTag", at, tag=tag)
        for at, value, change in recipient.scores:
            if self._within(at):
                self._add("leadScoreChanged", at, score={"value": value, "change": change})
        if self._within(recipient.unsubscribed):
            self._add("unsubscribedUser", recipient.unsubscribed, reason="link")

    def _mails(self) -> list[tuple[int, Mail]]:
        story, joined = self.story, self.recipient.joined
        stamp = f"{self.month:%Y-%m}"
        wave = (self.recipient.joined // SECOND) % 1800 * SECOND
        news = Mail(
            f"em_news{stamp}",
            f"Newsletter {stamp}",
            f"What we learnt in {self.month:%B}",
            "newsletter",
            "/blog/revenue-operations",
        )
        mails = [(instant(_weekday(self.month, 1, 2), 9) + wave, news)]
        first = next((life for life in story.lives if life.converts), None)
        sent = instant(_weekday(self.month, 2, 4), 14) + wave
        if any(life.converts and life.start <= sent < life.risk for life in story.lives):
            product = Mail(
                f"em_product{stamp}", f"Product news {stamp}", f"New in {self.month:%B}", "product-news", "/product"
            )
            mails.append((sent, product))
        buys = first.start if first else None
        for days, mail in zip(_NURTURE_DAYS, _NURTURE, strict=True):
            at = joined + days * DAY + HOUR
            if buys is None or at < buys:
                mails.append((at, mail))
        if first and self.recipient.number < 2:
            mails += [
                (first.start + days * DAY + 10 * MINUTE, mail)
                for days, mail in zip(_ONBOARDING_DAYS, _ONBOARDING, strict=True)
            ]
        quits = self.recipient.unsubscribed
        return sorted((at, mail) for at, mail in mails if self._within(at) and (quits is None or at < quits))

    def _send(self, at: int, mail: Mail) -> None:
        rng, recipient = self.rng, self.recipient
        what: Object = {
            "email": {"id": mail.id, "name": mail.name, "subject": mail.subject},
            "campaign": {"id": f"camp_{mail.campaign}", "name": mail.campaign},
        }
        # The same draws for every mail, so that one answer never changes another.
        opens, clicks, replies, scans = rng.random(), rng.random(), rng.random(), rng.random()
        delay = int(min(rng.lognormvariate(1.2, 1.3), 150) * HOUR) + 20 * SECOND
        dwell = rng.randrange(10, 240) * SECOND
        if recipient.bounces and at > recipient.joined + 60 * DAY:
            return
        self._add("emailSent", at, **what)
        if recipient.bounces:
            self._add("emailBounced", at + 3 * SECOND, reason="hard", **what)
            return
        self._add("emailDelivered", at + 4 * SECOND, **what)
        link = {"url": f"{SITE}{mail.page}?utm_source=newsletter&utm_medium=email&utm_campaign={mail.campaign}"}
        if self.prefetch:
            self._add("emailOpened", at + (30 + int(scans * 400)) * SECOND, userAgent=self.prefetch, **what)
            if self.prefetch != _SCANNERS[0] and scans < 0.5:
                self._add(
                    "emailClicked", at + (32 + int(scans * 400)) * SECOND, userAgent=self.prefetch, link=link, **what
                )
        warm = (0.18 + 0.5 * recipient.person.interest) * (1 - 0.85 * self.story.cooling(at))
        if opens >= warm:
            return
        seen = at + delay
        self._add("emailOpened", seen, userAgent=self.agent, **what)
        if clicks < 0.2:
            self._add("emailClicked", seen + dwell, userAgent=self.agent, link=link, **what)
            query = f"?utm_source=newsletter&utm_medium=email&utm_campaign={mail.campaign}"
            self._add(
                "pageVisited", seen + dwell + 2 * SECOND, page=_page(mail.page, query, None), userAgent=self.agent
            )
        if replies < 0.015:
            self._add("emailReplied", seen + dwell + HOUR, **what)

    def _visits(self) -> None:
        """Visits of a known person: frequent while they decide and while they are content customers."""
        story, rng = self.story, self.rng
        span = self.end - self.start
        fresh = self.start < self.recipient.joined + 75 * DAY
        customer = any(life.converts and life.start <= self.start < life.risk for life in story.lives)
        rate = (
            self.recipient.person.interest
            * (1.6 if fresh else 0.9 if customer else 0.15)
            * (1 - 0.9 * story.cooling(self.start))
        )
        rate *= 1.6 if story.mql_at and fresh else 1.0
        count = sum(rng.random() < rate / 4 for _ in range(4))
        for _ in range(count):
            at = self.start + int(rng.random() * span)
            paid = fresh and rng.random() < 0.35
            channel = (
                CHANNEL[rng.choice(("paid_search", "paid_social", "organic_search", "referral"))]
                if paid
                else CHANNEL["direct"]
            )
            source = rng.choice(channel.sources) if channel.sources else ""
            campaign = rng.choice(channel.campaigns) if channel.campaigns else ""
            path = rng.choice(("/pricing", "/product", "/integrations", "/blog/forecasting", "/customers"))
            page = _page(path, _query(channel, source, campaign), _referrer(channel, source))
            self._add("pageVisited", at, page=page, userAgent=_AGENTS[1])


def _weekday(month: date, weekday: int, nth: int) -> date:
    """The nth weekday (0 = Monday) of a month."""
    offset = (weekday - month.weekday()) % 7
    return month + timedelta(days=offset + 7 * (nth - 1))
