{#- What a mailbox is called, to look it up among the role mailboxes: "Accounts.Payable+eu@acme.com" is "accountspayable". -#}
{% macro mailbox_name(email) -%}
    {{ regexp_replace(email_local_part(email), '[._-]', '') }}
{%- endmacro %}
