{#- The newest version of each id in a raw stream, as a derived table: of the versions extracted up to the run's instant,
    the greatest by (modified_at, extracted_at, _dlt_load_id). Adds `first_extracted_at`, when the id was first seen.
    Only ids with more than one version are ranked: ranking all rows of a big stream does not fit in memory. -#}
{% macro newest_versions(relation) -%}
(
    with visible as (

        select * from {{ relation }}
        where extracted_at <= {{ as_of_instant() }}

    ),

    contested as (

        select
            id,
            min(extracted_at) as first_extracted_at
        from visible
        group by id
        having count(*) > 1

    ),

    ranked as (

        select
            visible.id,
            visible.version_hash,
            row_number() over (
                partition by visible.id
                order by
                    visible.modified_at desc nulls last,
                    visible.extracted_at desc,
                    visible._dlt_load_id desc,
                    visible.version_hash desc
            ) as age_rank
        from visible
        inner join contested on visible.id = contested.id

    )

    select
        visible.*,
        coalesce(contested.first_extracted_at, visible.extracted_at) as first_extracted_at
    from visible
    left join contested on visible.id = contested.id
    where not exists (
        select 1 from ranked
        where
            ranked.id = visible.id
            and ranked.version_hash = visible.version_hash
            and ranked.age_rank > 1
    )
)
{%- endmacro %}
