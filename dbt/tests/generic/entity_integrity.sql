{#- No two rows agree in all columns of a key, none of the given columns is ever NULL, every foreign key that is not NULL leads
    to a row, and what a column holds, NULL apart, is one of its accepted values: one test a model, as each test has a price
    of its own, on Spark above all. Each row found says what is broken, and in which row: by the model's first key, or by the
    value that leads nowhere and how many rows hold it.
    Keys of one column may be missing in several rows, as long as `never_null` does not name it. -#}
{% test entity_integrity(model, never_null, unique=[], foreign_keys={}, accepted_values={}) %}

{% set refused = {} %}
{% for column, values in accepted_values.items() %}
    {% set literals = [] %}
    {% for value in values %}
        {% do literals.append(value | string if value is number else "'" ~ value ~ "'") %}
    {% endfor %}
    {% do refused.update({column: column ~ ' not in (' ~ literals | join(', ') ~ ')'}) %}
{% endfor %}
{% for key in unique %}
select
    'not unique: {{ key | join(", ") }}' as broken,
    {{ key_as_text(key) }} as row_key,
    count(*) as copies
from {{ model }}
{% if key | length == 1 %}
where {{ key[0] }} is not null
{% endif %}
group by {{ key | join(', ') }}
having count(*) > 1
union all
{% endfor %}
{% if foreign_keys %}
select
    broken,
    row_key,
    count(*) as copies
from (
    {% for column, parent in foreign_keys.items() %}
    select
        'not in {{ parent.to.identifier }}.{{ parent.field }}: {{ column }}' as broken,
        {{ key_as_text([column]) }} as row_key
    from {{ model }} as children
    where
        {{ column }} is not null
        and not exists (select 1 from {{ parent.to }} as parents where parents.{{ parent.field }} = children.{{ column }})
    {{ 'union all' if not loop.last }}
    {% endfor %}
) as orphans
group by broken, row_key
union all
{% endif %}
select
    concat_ws(
        ', ',
        {% for column in never_null %}
            case when {{ column }} is null then 'NULL: {{ column }}' end{{ ',' if refused or not loop.last }}
        {% endfor %}
        {% for column, is_refused in refused.items() %}
            case when {{ is_refused }} then concat_ws(' ', 'not accepted: {{ column }}', cast({{ column }} as string)) end{{ ',' if not loop.last }}
        {% endfor %}
    ) as broken,
    {{ key_as_text(unique[0] if unique else never_null) }} as row_key,
    cast(1 as bigint) as copies
from {{ model }}
where
    {% for column in never_null %}
        {{ column }} is null{{ ' or' if refused or not loop.last }}
    {% endfor %}
    {{ refused.values() | join(' or ') }}

{% endtest %}
