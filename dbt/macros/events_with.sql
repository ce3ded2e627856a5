{#- The four inputs of journey events, each with the same column. -#}
{% macro events_with(column) -%}
    {{ return({
        'int_journey_events_encharge': column,
        'int_journey_events_hubspot': column,
        'int_journey_events_stripe': column,
        'int_journey_events_stages': column,
    }) }}
{%- endmacro %}
