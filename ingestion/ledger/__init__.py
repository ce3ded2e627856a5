"""The company's own ledger: targets, costs, ad spend, exchange rates and identity overrides, kept by hand as CSV."""
