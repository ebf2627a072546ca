-- The dataset "checks" from a research harness database: each execution, and each run that has none.
-- Columns that are not named here are NULL; names and types are those of checks.postgres.sql.
-- harness_* are views of the file's tables, with NULL for columns that an older file lacks.
-- sha256(bytes) and exact_seed(config_json) are functions of the exporter: a seed that is REAL has lost its digits.
with invocations as (
  select * from harness_executions
  union all
  select null as execution_id, r.* from harness_runs as r
  where r.run_id is null or r.run_id not in (select run_id from harness_executions where run_id is not null)
)
select
  i.created_at as created_at,
  i.created_at as finished_at,
  cast(i.execution_id as blob) as execution_id,
  cast('sqlite' as blob) as source,
  cast(i.run_id as blob) as run_id,
  cast('local' as blob) as env,
  cast('baseline' as blob) as mode,
  cast(i.claim as blob) as claim,
  sha256(cast(i.claim as blob)) as claim_hash,
  cast(i.model as blob) as model,
  cast(i.prompt_version as blob) as prompt_version,
  i.K as "K",
  i.R as "R",
  i.T as "T",
  i.B as "B",
  case when typeof(i.seed) = 'real' then coalesce(exact_seed(i.config_json), i.seed) else i.seed end as seed,
  i.bootstrap_seed as bootstrap_seed,
  case when json_valid(i.config_json) and json_type(i.config_json, '$.max_output_tokens') = 'integer'
    then json_extract(i.config_json, '$.max_output_tokens') end as max_output_tokens,
  i.prob_true_rpl as prob_true_rpl,
  i.ci_lo as ci_lo,
  i.ci_hi as ci_hi,
  i.ci_width as ci_width,
  i.template_iqr_logit as template_iqr_logit,
  i.stability_score as stability_score,
  i.imbalance_ratio as imbalance_ratio,
  i.rpl_compliance_rate as rpl_compliance_rate,
  i.cache_hit_rate as cache_hit_rate,
  cast(i.config_json as blob) as config_json,
  cast(i.sampler_json as blob) as sampler_json,
  cast(i.counts_by_template_json as blob) as counts_by_template_json,
  cast(i.artifact_json_path as blob) as artifact_json_path,
  i.prompt_char_len_max as prompt_char_len_max,
  i.pqs as pqs,
  i.gate_compliance_ok as gate_compliance_ok,
  i.gate_stability_ok as gate_stability_ok,
  i.gate_precision_ok as gate_precision_ok,
  cast(i.pqs_version as blob) as pqs_version,
  i.cache_hit_rate >= 0.999 as was_cached,
  cast(coalesce(
    (select min(s.provider_model_id) from harness_samples as s where s.run_id = i.run_id),
    i.model
  ) as blob) as provider_model_id,
  i.prob_true_rpl as p_prior,
  i.ci_lo as ci_prior_lo,
  i.ci_hi as ci_prior_hi,
  i.stability_score as stability_prior,
  cast(c.provider as blob) as provider,
  cast(c.logical_model as blob) as logical_model,
  cast(c.schema_version as blob) as schema_version,
  c.tokens_in as tokens_in,
  c.tokens_out as tokens_out,
  c.cost_usd as cost_usd
from invocations as i
left join harness_run_costs as c on c.run_id = i.run_id and c.created_at = i.created_at
