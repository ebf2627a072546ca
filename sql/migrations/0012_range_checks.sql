-- "not valid" takes the rows that are there as they are; what is written from now on is checked.
-- NaN is greater than every number in Postgres, so "between 0 and 1" refuses it. NULL passes.
alter table checks
  add constraint checks_estimate_in_range check (
    prob_true_rpl between 0 and 1 and ci_lo between 0 and 1 and ci_hi between 0 and 1 and ci_lo <= ci_hi
  ) not valid,
  add constraint checks_prior_in_range check (
    p_prior between 0 and 1 and ci_prior_lo between 0 and 1 and ci_prior_hi between 0 and 1
    and ci_prior_lo <= ci_prior_hi
  ) not valid,
  add constraint checks_web_in_range check (
    p_web between 0 and 1 and ci_web_lo between 0 and 1 and ci_web_hi between 0 and 1 and ci_web_lo <= ci_web_hi
  ) not valid,
  add constraint checks_combined_in_range check (
    p_combined between 0 and 1 and ci_combined_lo between 0 and 1 and ci_combined_hi between 0 and 1
    and ci_combined_lo <= ci_combined_hi
  ) not valid,
  add constraint checks_rates_in_range check (
    rpl_compliance_rate between 0 and 1 and cache_hit_rate between 0 and 1
    and json_valid_rate between 0 and 1 and date_confident_rate between 0 and 1
  ) not valid,
  add constraint checks_counters_not_negative check (
    "K" >= 0 and "R" >= 0 and "T" >= 0 and "B" >= 0 and n_docs >= 0 and n_domains >= 0 and resolved_domains >= 0
    and tokens_in >= 0 and tokens_out >= 0 and cost_usd >= 0
  ) not valid;

alter table usage_ledger
  add constraint usage_ledger_period_in_order check (period_end >= period_start) not valid,
  add constraint usage_ledger_counters_not_negative check (checks_allowed >= 0 and checks_used >= 0) not valid;

alter table anonymous_usage
  add constraint anonymous_usage_counters_not_negative check (checks_allowed >= 0 and checks_used >= 0) not valid;
