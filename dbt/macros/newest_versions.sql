{#- The order of the versions of one object, by the columns of the table `versions`: by its own modification instant, then as
    they came. The hash only keeps the order the same in every run. -#}
{% macro version_order(versions, is_newest_first=false) -%}
    {%- set direction = ' desc' if is_newest_first else '' -%}
    {{ versions }}.modified_at{{ direction }} nulls {{ 'last' if is_newest_first else 'first' }},
    {{ versions }}.extracted_at{{ direction }},
    {{ versions }}._dlt_load_id{{ direction }},
    {{ versions }}.version_hash{{ direction }}
{%- endmacro %}

{#- The newest version of each id in a raw stream, as a derived table: of the versions extracted up to the run's instant,
    the last by `version_order`. Adds `first_extracted_at`, when the id was first seen.
    Only ids with more than one version are ranked, and those are found by a 64-bit hash: ranking all rows of a big
    stream does not fit in memory, and neither do their ids. -#}
{% macro newest_versions(relation) -%}
(
    with contested as (

        select {{ hash64('id') }} as id_hash
        from {{ relation }}
        where extracted_at <= {{ as_of_instant() }}
        group by {{ hash64('id') }}
        having count(*) > 1

    ),

    ranked as (

        select
            versions.id,
            versions.version_hash,
            min(versions.extracted_at) over (partition by versions.id) as first_extracted_at,
            row_number() over (
                partition by versions.id
                order by {{ version_order('versions', is_newest_first=true) }}
            ) as age_rank
        from {{ relation }} as versions
        inner join contested on {{ hash64('versions.id') }} = contested.id_hash
        where versions.extracted_at <= {{ as_of_instant() }}

    )

    select
        versions.*,
        coalesce(ranked.first_extracted_at, versions.extracted_at) as first_extracted_at
    from {{ relation }} as versions
    left join ranked on versions.id = ranked.id and versions.version_hash = ranked.version_hash
    where
        versions.extracted_at <= {{ as_of_instant() }}
        and coalesce(ranked.age_rank, 1) = 1
)
{%- endmacro %}

{#- The same, of the months only that hold a version extracted after `since` (a UTC timestamp): what an incremental model
    by that month has to replace. `month` is SQL on the stream's columns; `watermark` sees to it that no id has changed
    its month. -#}
{% macro newest_versions_since(relation, month, since) -%}
(
    with months as (

        select distinct {{ month }} as month
        from {{ relation }}
        where {{ utc('extracted_at') }} > {{ since }} and extracted_at <= {{ as_of_instant() }}

    ),

    touched as (

        select * from {{ relation }}
        where {{ month }} in (select month from months)

    )

    select * from {{ newest_versions('touched') }} as newest
)
{%- endmacro %}
