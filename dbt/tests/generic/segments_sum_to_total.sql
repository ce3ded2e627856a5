{#- The segments of every type sum to the whole: `measures` over the rows of each `segment_type` equal those of `all`, for
    every combination of the columns `by`. `where` narrows the rows. -#}
{% test segments_sum_to_total(model, by, measures, where='true') %}

with summed as (

    select
        {{ by | join(', ') }},
        segment_type,
        {% for measure in measures %}
            sum({{ measure }}) as {{ measure }}{{ ',' if not loop.last }}
        {% endfor %}
    from {{ model }}
    where {{ where }}
    group by {{ by | join(', ') }}, segment_type

),

types as (

    select distinct segment_type from summed

),

wholes as (

    select
        whole.*,
        types.segment_type as compared_type
    from summed as whole
    cross join types
    where whole.segment_type = 'all'

)

select
    wholes.compared_type,
    {% for column in by %}
        wholes.{{ column }},
    {% endfor %}
    wholes.{{ measures[0] }} as expected,
    parts.{{ measures[0] }} as found
from wholes
left join summed as parts
    on
        wholes.compared_type = parts.segment_type
        {% for column in by %}
            and wholes.{{ column }} is not distinct from parts.{{ column }}
        {% endfor %}
where
    {% for measure in measures %}
        coalesce(wholes.{{ measure }}, 0) <> coalesce(parts.{{ measure }}, 0){{ ' or' if not loop.last }}
    {% endfor %}

{% endtest %}
