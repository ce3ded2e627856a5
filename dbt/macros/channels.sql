{#- What a visit or record tells about where it came from, as one key: the rules of `channel_mapping` are applied once per
    distinct value of it. A missing part is the SQL text `null`. -#}
{% macro channel_signature(utm_source, utm_medium, referrer_host, analytics_source) -%}
    {{ key([
        'lower(trim(' ~ utm_source ~ '))', 'lower(trim(' ~ utm_medium ~ '))',
        'lower(trim(' ~ referrer_host ~ '))', 'lower(trim(' ~ analytics_source ~ '))',
    ]) }}
{%- endmacro %}

{#- A campaign's id: its name in lower case with single hyphens, so that "Spring Sale" in the ad ledger and `spring-sale`
    in a link are one campaign. NULL when nothing is left. -#}
{% macro campaign_id(name) -%}
    nullif(trim(both '-' from {{ regexp_replace('lower(' ~ name ~ ')', '[^\\p{L}\\p{N}]+', '-') }}), '')
{%- endmacro %}
