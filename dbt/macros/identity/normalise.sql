{#- An email address in lower case without surrounding space; NULL when it is none. Plus-tags stay: they are other mailboxes. -#}
{% macro normalised_email(column) -%}
    case
        when {{ regexp_like('lower(trim(' ~ column ~ '))', '^[^@ ;,]+@[^@ ;,]+[.][^@ ;,.]+$') }} then lower(trim({{ column }}))
    end
{%- endmacro %}

{#- The domain of a normalised email address. -#}
{% macro email_domain(email) -%}
    nullif({{ regexp_extract(email, '@(.+)$', 1) }}, '')
{%- endmacro %}

{#- What stands before the @ of a normalised email address, without a plus-tag. -#}
{% macro email_local_part(email) -%}
    nullif({{ regexp_extract(email, '^([^@+]+)', 1) }}, '')
{%- endmacro %}

{#- A domain in lower case without scheme, "www.", path and port; NULL when it holds no dot. -#}
{% macro normalised_domain(column) -%}
    nullif({{ regexp_extract('lower(trim(' ~ column ~ '))', '^(?:[a-z]+://)?(?:www[.])?([^/:?#@ ]+[.][^/:?#@ .]+)', 1) }}, '')
{%- endmacro %}

{#- A company's name without case, punctuation and legal form, to compare names. -#}
{% macro normalised_name(column) -%}
    nullif(trim({{ regexp_replace(
        regexp_replace('lower(' ~ column ~ ')', '[^a-z0-9 ]', ''),
        ' +(inc|llc|ltd|limited|gmbh|ag|sa|sas|sarl|bv|nv|ab|as|oy|plc|corp|corporation|co|company|kk|pty|srl|spa)$', ''
    ) }}), '')
{%- endmacro %}

{#- A country's name or code as the seed `country_names` has it: lower case, without dots. -#}
{% macro country_name(column) -%}
    lower(trim(replace({{ column }}, '.', '')))
{%- endmacro %}

{#- A country as its ISO code, by the row of `country_names` that its text leads to; text that names none stays as it is. -#}
{% macro country_code(names, column) -%}
    coalesce({{ names }}.country, nullif(trim({{ column }}), ''))
{%- endmacro %}

{#- The id of a record across systems: "<system>:<type>:<id>". -#}
{% macro node_id(system, type, id) -%}
    concat_ws('', '{{ system }}:{{ type }}:', {{ id }})
{%- endmacro %}

{#- The stable id that a cluster takes from its oldest member: "acc_" or "per_" and 16 hexadecimal digits. -#}
{% macro cluster_id(prefix, node) -%}
    concat_ws('', '{{ prefix }}_', substring({{ md5_hex(node) }}, 1, 16))
{%- endmacro %}
