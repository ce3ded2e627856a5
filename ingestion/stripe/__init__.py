"""Stripe: customers, products, subscriptions, invoices, payments and what moved on the balance."""
