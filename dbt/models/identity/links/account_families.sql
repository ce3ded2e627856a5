-- grain: one account record; component_id is the family of companies (by merge, domain or override) that it belongs to
{{ config(materialized='components') }}

with nodes as (

    select * from {{ ref('identity_nodes') }}
    where is_account_record

),

company_links as (

    select * from {{ ref('company_link_candidates') }}
    where rejected_reason is null

)

select node_id, neighbour_id from company_links
union all
select node_id, node_id as neighbour_id from nodes
