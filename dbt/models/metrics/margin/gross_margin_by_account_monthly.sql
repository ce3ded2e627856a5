-- grain: one account and month with revenue, payment fees or a share of costs
{{ config(meta=carried(
    by=['account_key', 'month'],
    keyed=['int_margin_parts'],
    due={'this': month_turns() ~ ' and ' ~ month_was_open()}
)) }}

{{ gross_margin_by('account_key', 'account_key') }}
