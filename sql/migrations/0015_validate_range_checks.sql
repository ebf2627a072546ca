-- A check that old rows violate stops whatever updates them: it goes, with a warning, and the backend goes on. What no
-- row violates is validated; until this file ends, nothing can be written that violates one.
-- What was dropped is kept as a last line of the table's comment, "Dropped check: NAME CHECK (...)", for whoever wants
-- it back.
do $$
declare
  relation regclass;
  checks_of jsonb;
  violations bigint[];
  validations text;
  item record;
begin
  foreach relation in array array['checks', 'usage_ledger', 'anonymous_usage']::regclass[] loop
    select jsonb_agg(jsonb_build_object('name', conname, 'condition', pg_get_expr(conbin, conrelid)) order by conname)
      into checks_of
      from pg_constraint
      where conrelid = relation and contype = 'c' and not convalidated and conname = any (array[
        'checks_estimate_in_range', 'checks_prior_in_range', 'checks_web_in_range', 'checks_combined_in_range',
        'checks_rates_in_range', 'checks_counters_not_negative', 'usage_ledger_period_in_order',
        'usage_ledger_counters_not_negative', 'anonymous_usage_counters_not_negative']);
    continue when checks_of is null;

    -- One scan counts for all checks of the table; NULL passes a check.
    execute (
      select format('select array[%s] from %s',
        string_agg(format('count(*) filter (where not (%s))', entry ->> 'condition'), ', ' order by place), relation)
      from jsonb_array_elements(checks_of) with ordinality as e (entry, place)
    ) into violations;

    -- One more scan validates, while reads and writes go on; dropping, which nobody can work beside, comes last.
    select string_agg(format('validate constraint %I', entry ->> 'name'), ', ') into validations
      from jsonb_array_elements(checks_of) with ordinality as e (entry, place)
      where violations[place] = 0;
    if validations is not null then
      execute format('alter table %s %s', relation, validations);
    end if;
    for item in
      select entry ->> 'name' as name, entry ->> 'condition' as condition, violations[place] as violations
      from jsonb_array_elements(checks_of) with ordinality as e (entry, place)
      where violations[place] > 0
    loop
      execute format('alter table %s drop constraint %I', relation, item.name);
      execute format('comment on table %s is %L', relation, concat_ws(E'\n', obj_description(relation, 'pg_class'),
        format('Dropped check: %I CHECK (%s)', item.name, item.condition)));
      raise warning 'dropped check % of table %: % rows violate it; to see them: select * from % where not (%)',
        item.name, relation, item.violations, relation, item.condition;
    end loop;
  end loop;
end $$;
