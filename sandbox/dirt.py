"""How dirty the records are: the share of accounts, people and records that each kind of mistake befalls.

`PLAIN` is a company with the usual mess. `HARD` is one that makes identity hard: hasty typing, private and shared
mailboxes, resellers that pay for others, namesakes, groups of companies on one mail domain, merges in long chains,
records deleted, domains and addresses that change, cross-references that were lost.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dirt:
    """Shares between 0 and 1. What is 0 in `PLAIN` exists in the hard world only."""

    # people and their mailboxes
    private_mail: float = 0.06  # people who use a free-mail address at work
    other_case: float = 0.25  # Encharge addresses typed with capitals or a space
    typo: float = 0.02  # cross-referenced Encharge people under a misspelt address
    plus_tag: float = 0.015  # cross-referenced Encharge people with a second entry under a plus-tag
    shared_mailbox: float = 0.02  # accounts with a contact that is nobody: info@
    shared_in_email_tool: float = 0.0  # of those, the share that Encharge writes to as well
    duplicate: float = 0.05  # contacts entered again under a private address
    long_chain: float = 0.0  # contacts with two to five more duplicates, merged one into the next
    changed_mail: float = 0.0  # contacts whose address changes; Encharge keeps the old one
    retired_contact: float = 0.10  # further contacts that are archived one day
    gone_recipient: float = 0.01  # Encharge people that are deleted one day

    # companies
    subsidiary: float = 0.04  # companies that belong to another one
    group_mail: float = 0.0  # of those, the share whose people have mailboxes at the parent's domain
    namesake: float = 0.0  # companies that bear the name of an unrelated one
    missing_domain: float = 0.04  # company records without a domain, half of them for good
    second_company: float = 0.06  # companies entered twice, half of them merged later
    third_company: float = 0.0  # of those, the share entered once more and merged into the second
    former_domain: float = 0.0  # companies that change their domain and keep the former one as additional

    # billing
    resold: float = 0.0  # accounts whose customer carries the mailbox of a reseller
    lost_reference: float = 0.0  # customers whose cross-references were lost


PLAIN = Dirt()
HARD = Dirt(
    private_mail=0.10,
    other_case=0.45,
    typo=0.05,
    plus_tag=0.04,
    shared_mailbox=0.10,
    shared_in_email_tool=0.6,
    duplicate=0.08,
    long_chain=0.03,
    changed_mail=0.05,
    retired_contact=0.18,
    gone_recipient=0.06,
    subsidiary=0.09,
    group_mail=0.3,
    namesake=0.05,
    missing_domain=0.07,
    second_company=0.10,
    third_company=0.35,
    former_domain=0.06,
    resold=0.05,
    lost_reference=0.02,
)
