{#- No two rows agree in all columns of a key, none of the given columns is ever NULL, every foreign key that is not NULL leads
    to a row, and what a column holds, NULL apart, is one of its accepted values: one test a model, as each test has a price
    of its own, on Spark above all. Each row found says what is broken, and in which row: by the model's first key, or by the
    value that leads nowhere and how many rows hold it.
    Keys of one column may be missing in several rows, as long as `never_null` does not name it. -#}
{% test entity_integrity(model, never_null, unique=[], foreign_keys={}, accepted_values={}) %}

{#- what is wrong with a row by itself: a condition, and the words for it -#}
{% set faults = [] %}
{% for column in never_null %}
    {% do faults.append((column ~ ' is null', "'NULL: " ~ column ~ "'")) %}
{% endfor %}
{% for column, values in accepted_values.items() %}
    {% set literals = [] %}
    {% for value in values %}
        {% do literals.append(value | string if value is number else "'" ~ value ~ "'") %}
    {% endfor %}
    {% do faults.append((
        column ~ ' not in (' ~ literals | join(', ') ~ ')',
        "concat_ws(' ', 'not accepted: " ~ column ~ "', cast(" ~ column ~ ' as string))'
    )) %}
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
        {% for is_wrong, told in faults %}
            case when {{ is_wrong }} then {{ told }} end{{ ',' if not loop.last }}
        {% endfor %}
    ) as broken,
    {{ key_as_text(unique[0] if unique else never_null) }} as row_key,
    cast(1 as bigint) as copies
from {{ model }}
where {{ faults | map(attribute=0) | join(' or ') }}

{% endtest %}
