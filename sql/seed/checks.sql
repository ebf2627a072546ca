-- $1 rows, $2 days; those from $3 to $4. Rows that are there are left out first: "on conflict" would double the time.
-- Each layer ends in "offset 0", so that what it computes is computed once per row.
-- An odd multiplier makes every number a run_id of its own.
insert into checks (
  id, run_id, env, user_id, claim, claim_hash, model, prompt_version, "K", "R", "T", "B", seed, bootstrap_seed,
  max_output_tokens, prob_true_rpl, ci_lo, ci_hi, ci_width, template_iqr_logit, stability_score, imbalance_ratio,
  rpl_compliance_rate, cache_hit_rate, config_json, sampler_json, counts_by_template_json, artifact_json_path,
  prompt_char_len_max, pqs, gate_compliance_ok, gate_stability_ok, gate_precision_ok, pqs_version, was_cached,
  provider_model_id, created_at, finished_at, anon_token, mode, p_prior, ci_prior_lo, ci_prior_hi, stability_prior,
  p_web, ci_web_lo, ci_web_hi, n_docs, n_domains, median_age_days, web_dispersion, json_valid_rate,
  date_confident_rate, n_confident_dates, p_combined, ci_combined_lo, ci_combined_hi, w_web, recency_score,
  strength_score, resolved_flag, resolved_truth, resolved_reason, resolved_support, resolved_contradict,
  resolved_domains, resolved_citations, provider, logical_model, schema_version, tokens_in, tokens_out, cost_usd,
  request_id
)
select
  digest::uuid,
  'heretix-rpl-' || lpad(to_hex(n * 25214903917 & 281474976710655), 12, '0'),
  env,
  user_id,
  claim,
  encode(sha256(convert_to(claim, 'UTF8')), 'hex'),
  model,
  prompt_version,
  k, r, 8, 5000,
  seed,
  pg_temp.seed_uint64(n, 12),
  case when has_costs then 1024 end,
  p, lo, hi, hi - lo, iqr, stability, 1 + floor(seed_unit_a * 3) / 16, compliance, cache_hit_rate,
  case when n % 4 <> 0 then '{"model": "' || model || '", "K": ' || k || ', "R": ' || r || ', "seed": '
    || coalesce(seed::text, 'null') || ', "max_output_tokens": 1024}' end,
  case when n % 4 = 0 then '{"T_bank": 16, "T": 8, "seq": [' || n % 8 || ', ' || (n + 3) % 8 || ']}' end,
  case when n % 4 = 1 then '{"' || left(digest, 12) || '": 2, "' || right(digest, 12) || '": 2}' end,
  case when env = 'local' then 'runs/artifacts/' || left(digest, 12) || '.json' end,
  case when has_gates then 1080 + (n % 97)::integer end,
  case when has_gates then floor(100 * stability * compliance) end,
  case when has_gates then compliance >= 0.98 end,
  case when has_gates then stability >= 0.70 end,
  case when has_gates then hi - lo <= 0.20 end,
  case when has_gates then 'v1' end,
  cache_hit_rate >= 0.999,
  case when has_costs then model || '-2025-08-07' end,
  created_at,
  case when n % 50 <> 0 then created_at + floor(4000000 + 80000000 * seed_unit_a) * interval '1 microsecond' end,
  pg_temp.seed_anon_token(n),
  mode,
  p, lo, hi, stability,
  p_web,
  greatest(0, p_web - 0.12 * web_unit),
  least(1, p_web + 0.11 * web_unit),
  docs, domains,
  300 * web_unit * web_unit,
  0.4 * web_unit,
  1 - web_unit / 20,
  1 - web_unit / 2,
  floor(docs * (1 - web_unit / 2)),
  p_combined,
  greatest(0, p_combined - 0.1 * web_unit),
  least(1, p_combined + 0.1 * web_unit),
  w_web,
  1 - web_unit * web_unit,
  w_web,
  resolved,
  case when resolved then truth end,
  case when resolved then 'consensus of ' || domains || ' domains' end,
  case when resolved then case when truth then docs * 0.75 else docs * 0.125 end end,
  case when resolved then case when truth then docs * 0.125 else docs * 0.75 end end,
  case when resolved then domains end,
  case when resolved then '[{"domain": "example.org", "stance": "' || case when truth then 'support' else 'contradict' end || '"}]' end,
  case when has_costs then provider end,
  case when has_costs then logical_model end,
  case when has_costs then 'v2' end,
  case when has_costs then tokens_in end,
  case when has_costs then tokens_out end,
  case when has_costs then (tokens_in * 1.25 + tokens_out * (case provider when 'openai' then 10 when 'xai' then 15 else 5 end)) / 1000000 end,
  request_id
from (
  select
    *,
    case when mode = 'web_informed' then p + w_web * (p_web - p) end as p_combined,
    greatest(0, p - half_width) as lo,
    least(1, p + half_width * 0.9) as hi,
    300 * k * r + (n % 331) * 4 as tokens_in,
    40 * k * r + n % 173 as tokens_out
  from (
    select
      *,
      pg_temp.seed_probability(logit) as p,
      case when mode = 'web_informed'
        then pg_temp.seed_probability(logit / 2 + (case when truth then 2.2 else -2.2 end) * (0.3 + web_unit)) end as p_web,
      case when mode = 'web_informed' then 0.35 + 0.5 * web_unit end as w_web,
      case when mode = 'web_informed' then domains + (n % 9)::integer end as docs,
      case when mode = 'web_informed' then pg_temp.seed_unit(n, 21) < 0.4 when n % 12 = 0 then true end as resolved,
      version_width * (0.5 + pg_temp.seed_unit(n, 17)) as half_width,
      0.6 - 0.5 * stability as iqr
    from (
      select
        *,
        pg_temp.seed_claim(claim_number) as claim,
        pg_temp.seed_truth(claim_number) as truth,
        (array['gpt-5', 'grok-4-fast', 'gemini-2.5-pro'])[model_number] as model,
        (array['gpt5-default', 'grok4-default', 'gemini25-default'])[model_number] as logical_model,
        (array['openai', 'xai', 'google'])[model_number] as provider,
        (array['rpl_g5_v3_2025-08-20', 'rpl_g5_v4_2025-08-27', 'rpl_g5_v5_2025-09-12'])[version_number] as prompt_version,
        (array[0.13, 0.10, 0.07])[version_number]::double precision as version_width,
        case when pg_temp.seed_unit(n, 9) < 0.15 then 16 else 8 end as k,
        case when pg_temp.seed_unit(n, 9) < 0.15 then 3 else 2 end as r,
        (array[0.4, 0, -0.3])[model_number]::double precision
          + case when pg_temp.seed_truth(claim_number) then 0.9 else -0.9 end
          + 3 * (pg_temp.seed_unit(claim_number, 11) - 0.5)
          + 0.6 * (seed_unit_a - 0.5) as logit,
        least(1, (array[0.66, 0.72, 0.78])[version_number]::double precision + 0.3 * seed_unit_a) as stability,
        case when n % 14 = 0 then 0.9375 else 1 end as compliance,
        case when n % 8 = 0 then 1 when n % 3 = 0 then 0.25 else 0 end as cache_hit_rate,
        case when mode = 'web_informed' then 3 + (n % 7)::integer end as domains,
        case when mode = 'web_informed' then pg_temp.seed_unit(n, 16) end as web_unit
      from (
        select
          n,
          md5('check ' || n::text) as digest,
          pg_temp.seed_env(n, $1::bigint, $2::integer) as env,
          pg_temp.seed_user_of(n, $1::bigint) as user_id,
          pg_temp.seed_claim_number(n) as claim_number,
          pg_temp.seed_mode(n) as mode,
          pg_temp.seed_time(n, $1::bigint, $2::integer) as created_at,
          pg_temp.seed_request_id(n) as request_id,
          pg_temp.seed_unit(n, 15) as seed_unit_a,
          case when n % 10 < 7 then pg_temp.seed_uint64(n, 13) end as seed,
          1 + n % 3 as model_number,
          -- The oldest prompt version ends where the newest begins.
          case when n / 3 % 2 = 0 then 2 when n * 2 < $1::bigint then 1 else 3 end as version_number,
          -- Old rows lack what the schema had not yet.
          n * 8 > $1::bigint and n % 37 <> 0 as has_gates,
          n * 5 > $1::bigint as has_costs
        from generate_series($3::bigint, $4::bigint) as n
        where not exists (select from checks where checks.id = md5('check ' || n::text)::uuid)
        offset 0
      ) as numbered
      offset 0
    ) as asked
    offset 0
  ) as answered
  offset 0
) as combined
