-- The backend's means and interval ends are sums of floating point numbers, and rounding takes them past the end:
-- ci_hi = 1.0000000000000002 is in rows that were written before 0012. Postgres checks every later update of such a
-- row, ON DELETE SET NULL included, so that its user could not be deleted. A billionth on either side is rounding.
alter table checks
  drop constraint checks_estimate_in_range,
  add constraint checks_estimate_in_range check (
    prob_true_rpl between -1e-9 and 1 + 1e-9 and ci_lo between -1e-9 and 1 + 1e-9 and ci_hi between -1e-9 and 1 + 1e-9
    and ci_lo <= ci_hi + 1e-9
  ) not valid,
  drop constraint checks_prior_in_range,
  add constraint checks_prior_in_range check (
    p_prior between -1e-9 and 1 + 1e-9 and ci_prior_lo between -1e-9 and 1 + 1e-9
    and ci_prior_hi between -1e-9 and 1 + 1e-9 and ci_prior_lo <= ci_prior_hi + 1e-9
  ) not valid,
  drop constraint checks_web_in_range,
  add constraint checks_web_in_range check (
    p_web between -1e-9 and 1 + 1e-9 and ci_web_lo between -1e-9 and 1 + 1e-9 and ci_web_hi between -1e-9 and 1 + 1e-9
    and ci_web_lo <= ci_web_hi + 1e-9
  ) not valid,
  drop constraint checks_combined_in_range,
  add constraint checks_combined_in_range check (
    p_combined between -1e-9 and 1 + 1e-9 and ci_combined_lo between -1e-9 and 1 + 1e-9
    and ci_combined_hi between -1e-9 and 1 + 1e-9 and ci_combined_lo <= ci_combined_hi + 1e-9
  ) not valid,
  drop constraint checks_rates_in_range,
  add constraint checks_rates_in_range check (
    rpl_compliance_rate between -1e-9 and 1 + 1e-9 and cache_hit_rate between -1e-9 and 1 + 1e-9
    and json_valid_rate between -1e-9 and 1 + 1e-9 and date_confident_rate between -1e-9 and 1 + 1e-9
  ) not valid;
