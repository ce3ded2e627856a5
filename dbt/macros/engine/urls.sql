{#- The host of a URL in lower case, without "www."; also of a bare host name. NULL when there is none. -#}
{% macro url_host(url) -%}
    nullif({{ regexp_extract('lower(' ~ url ~ ')', '^(?:[a-z]+://)?(?:www[.])?([^/:?#]+)', 1) }}, '')
{%- endmacro %}

{#- A parameter of a URL's query in lower case and decoded; NULL when it is absent or empty. -#}
{% macro url_param(url, name) -%}
    {{ return(adapter.dispatch('url_param', 'throughline')(url, name)) }}
{%- endmacro %}

{% macro default__url_param(url, name) -%}
    nullif(trim(lower(url_decode(
        replace({{ regexp_extract(url, '[?&]' ~ name ~ '=([^&#]*)', 1) }}, '+', ' ')
    ))), '')
{%- endmacro %}

{#- A percent sign that begins no code stands for itself: without care it is an error here, and on DuckDB it is not. -#}
{% macro spark__url_param(url, name) -%}
    nullif(trim(lower(url_decode(
        {{ regexp_replace(regexp_extract(url, '[?&]' ~ name ~ '=([^&#]*)', 1), '%(?![0-9A-Fa-f]{2})', '%25') }}
    ))), '')
{%- endmacro %}
