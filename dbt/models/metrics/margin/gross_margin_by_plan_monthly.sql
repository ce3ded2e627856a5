-- grain: one plan and month with revenue, payment fees or a share of costs
{% call gross_margin_by('plan', 'plan') -%}
cast(accounts as bigint) as n,
    accounts < {{ var('minimum_segment_accounts') }} as is_small,
{%- endcall %}
