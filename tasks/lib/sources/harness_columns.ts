const namesIn = (text: string): readonly string[] => text.trim().split(/\s+/);

/** Columns that runs and executions of a harness database have in common. */
export const SHARED_COLUMNS: readonly string[] = namesIn(`
  run_id created_at claim model prompt_version K R T B seed bootstrap_seed
  prob_true_rpl ci_lo ci_hi ci_width template_iqr_logit stability_score imbalance_ratio rpl_compliance_rate
  cache_hit_rate config_json sampler_json counts_by_template_json artifact_json_path
  prompt_char_len_max pqs gate_compliance_ok gate_stability_ok gate_precision_ok pqs_version`);

/** Columns of an execution. */
export const EXECUTION_COLUMNS: readonly string[] = ["execution_id", ...SHARED_COLUMNS];

/** Columns that runs alone have, after those by which an execution finds its run. */
export const COST_COLUMNS: readonly string[] = namesIn(`
  run_id created_at provider logical_model schema_version tokens_in tokens_out cost_usd`);

/** Whether created_at is no second of the years 1 to 9999, as SQL over a column of that name. */
export const NO_DAY = "(typeof(created_at) <> 'integer' or created_at not between -62135596800 and 253402300799)";

/** First second of the year 1, and of the year 10000. */
export const SECONDS = { first: -62_135_596_800n, end: 253_402_300_800n } as const;
