{#- No two rows agree in all columns of a key, none of the given columns is ever NULL, and every foreign key that is not NULL
    leads to a row: one test a model, as each test has a price of its own, on Spark above all. Each row found says what is
    broken, and in which row: by the model's first key, or by the value that leads nowhere and how many rows hold it.
    Keys of one column may be missing in several rows, as long as `never_null` does not name it. -#}
{% test entity_integrity(model, never_null, unique=[], foreign_keys={}) %}

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
{% for column, parent in foreign_keys.items() %}
select
    'not in {{ parent.to.identifier }}.{{ parent.field }}: {{ column }}' as broken,
    {{ key_as_text([column]) }} as row_key,
    count(*) as copies
from {{ model }} as children
where
    {{ column }} is not null
    and not exists (select 1 from {{ parent.to }} as parents where parents.{{ parent.field }} = children.{{ column }})
group by {{ column }}
union all
{% endfor %}
select
    concat_ws(
        ', ',
        {% for column in never_null %}
            case when {{ column }} is null then 'NULL: {{ column }}' end{{ ',' if not loop.last }}
        {% endfor %}
    ) as broken,
    {{ key_as_text(unique[0] if unique else never_null) }} as row_key,
    cast(1 as bigint) as copies
from {{ model }}
where
    {% for column in never_null %}
        {{ column }} is null{{ ' or' if not loop.last }}
    {% endfor %}

{% endtest %}
