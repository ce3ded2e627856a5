-- grain: one plan and month with revenue, payment fees or a share of costs
{{ config(meta=carried(
    by=['plan', 'month'],
    keyed=['int_margin_parts'],
    due={'this': month_turns() ~ ' and ' ~ month_was_open()}
)) }}

{% call gross_margin_by('plan', 'plan') -%}
cast(accounts as bigint) as n,
    accounts < {{ var('minimum_segment_accounts') }} as is_small,
{%- endcall %}
