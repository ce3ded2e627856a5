{#- A choice of the revenue policy, as the run was given it. Fails when it is none of those that `policy_choices` of
    `dbt_project.yml` allows: a list of values, the default first, or the least whole number, which is the default. -#}
{% macro policy(name) -%}
    {%- set allowed = var('policy_choices')[name] -%}
    {%- set chosen = var(name) -%}
    {%- if allowed is sequence and allowed is not string -%}
        {%- if chosen not in allowed -%}
            {{ exceptions.raise_compiler_error("revenue policy " ~ name ~ ": '" ~ chosen ~ "' is none of " ~ allowed | join(', ')) }}
        {%- endif -%}
    {%- elif chosen is not integer or chosen is boolean or chosen < allowed -%}
        {{ exceptions.raise_compiler_error(
            "revenue policy " ~ name ~ ": '" ~ chosen ~ "' is no whole number of at least " ~ allowed
        ) }}
    {%- endif -%}
    {{ return(chosen) }}
{%- endmacro %}

{#- What every mart carries: the version of the definitions, and each choice that is not the default. -#}
{% macro policy_version() -%}
    {%- set parts = [var('policy_version')] -%}
    {%- for name, allowed in var('policy_choices').items() -%}
        {%- set chosen = policy(name) -%}
        {%- set default = allowed[0] if allowed is sequence else allowed -%}
        {%- if chosen != default -%}
            {%- do parts.append(name ~ '=' ~ chosen) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(parts | join('+')) }}
{%- endmacro %}

{#- The states of `fct_subscription_periods` that count as MRR. -#}
{% macro counted_states() -%}
    {%- set states = ["'recurring'"] -%}
    {%- if policy('mrr_trials') == 'include' -%}{%- do states.append("'trial'") -%}{%- endif -%}
    {%- if policy('mrr_paused_collection') == 'include' -%}{%- do states.append("'collection_paused'") -%}{%- endif -%}
    {{ return('(' ~ states | join(', ') ~ ')') }}
{%- endmacro %}
