-- grain: one account and month with revenue, payment fees or a share of costs
{{ gross_margin_by('account_key', 'account_key') }}
