"""An account's people and companies in the three systems, with the dirt that makes identity hard, and who is who.

What stays resolvable by rule: equal addresses, cross references, merges, company domains and associations. A handful of
records (a second contact under a private address that was never merged) cannot be resolved, as in any good data.
"""

from __future__ import annotations

from sandbox.catalog import Catalog
from sandbox.contacts import write_company_records, write_contact, write_shared_mailbox
from sandbox.customers import make_customers
from sandbox.recipients import write_recipient, write_shared_recipient
from sandbox.records import Records, lifecycle, person_truth
from sandbox.story import Story
from sandbox.timeline import Timeline


def write_people(story: Story, timeline: Timeline, catalog: Catalog) -> Records:
    """Write companies, contacts and Encharge people of an account; its Stripe customers are left for `billing`."""
    rng = story.rng("people")
    records = Records(missing_domain=rng.random() < story.dirt.missing_domain)
    path = lifecycle(story)
    if story.company:
        write_company_records(story, timeline, records, path, rng)
    for number in range(len(story.people)):
        contact = None
        if number == 0 or rng.random() < 0.92:
            contact = write_contact(story, timeline, records, number, path if number == 0 else [], rng)
            records.people_truth.append(("hubspot", "contact", contact, person_truth(story, number)))
        records.contacts.append(contact)
        if contact is None or rng.random() < 0.9:
            write_recipient(story, timeline, records, number, contact, rng)
    if story.company:
        make_customers(story, timeline, catalog, records, story.rng("customers"))
        if rng.random() < story.dirt.shared_mailbox:
            write_shared_mailbox(story, timeline, records)
            if story.rng("shared mailbox").random() < story.dirt.shared_in_email_tool:
                write_shared_recipient(story, timeline, records)
    return records
