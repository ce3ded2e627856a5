"""The ways in which the company wins customers, and what they are truly worth."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Channel:
    """A way to win customers, with its true worth.

    `share` of arrivals, `cost` in US dollars per lead, `quality` shifts the log-odds of each conversion step,
    `value` scales seats bought, `loyalty` scales a customer's expected life.
    """

    name: str
    share: float
    cost: float
    quality: float
    value: float
    loyalty: float
    hubspot_source: str
    medium: str
    sources: tuple[str, ...]
    campaigns: tuple[str, ...]


# fmt: off
CHANNELS = (
    Channel("paid_search", 0.21, 210, 0.10, 1.00, 0.95, "PAID_SEARCH", "cpc", ("google", "bing"),
            ("brand-search", "category-search", "competitor-search")),
    Channel("paid_social", 0.18, 160, -0.75, 0.80, 0.70, "PAID_SOCIAL", "paid_social", ("linkedin", "facebook"),
            ("lookalike-q", "retargeting", "ebook-revenue-ops")),
    Channel("organic_search", 0.19, 25, 0.35, 1.00, 1.10, "ORGANIC_SEARCH", "organic", ("google", "bing", "duckduckgo"),
            ("blog",)),
    Channel("referral", 0.09, 45, 1.00, 1.15, 1.45, "REFERRALS", "referral", ("g2", "customer"), ("refer-a-friend",)),
    Channel("email", 0.08, 15, 0.05, 0.95, 1.00, "EMAIL_MARKETING", "email", ("newsletter",),
            ("newsletter", "nurture-sequence")),
    Channel("event", 0.07, 620, 0.45, 1.50, 1.20, "OFFLINE", "event", ("conference",),
            ("saas-summit", "revops-days", "webinar-series")),
    Channel("partner", 0.07, 290, 0.80, 1.40, 1.35, "OFFLINE", "partner", ("agency",), ("partner-programme",)),
    Channel("direct", 0.11, 0, 0.25, 1.00, 1.05, "DIRECT_TRAFFIC", "", (), ()),
)
# fmt: on
CHANNEL = {channel.name: channel for channel in CHANNELS}
