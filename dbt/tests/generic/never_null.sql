{#- None of the given columns is ever NULL, asked in one pass over the model; each row found says which are. -#}
{% test never_null(model, columns) %}

select
    concat_ws(
        ', ',
        {% for column in columns %}
            case when {{ column }} is null then '{{ column }}' end{{ ',' if not loop.last }}
        {% endfor %}
    ) as null_columns,
    rows_found.*
from {{ model }} as rows_found
where
    {% for column in columns %}
        {{ column }} is null{{ ' or' if not loop.last }}
    {% endfor %}

{% endtest %}
