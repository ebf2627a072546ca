comment on table users is 'People with an account.';
comment on column users.plan is 'trial, starter, core or pro: 3, 20, 100 or 750 checks per UTC calendar month.';
comment on column users.billing_anchor is 'Day from which Stripe counts the billing periods.';

comment on table usage_ledger is 'Checks allowed and used, one row per user and UTC calendar month.';
comment on column usage_ledger.period_start is 'The first of the month, UTC.';
comment on column usage_ledger.period_end is 'The last day of the month, inclusive.';

comment on table sessions is 'Signed-in browsers.';

comment on table email_tokens is 'Sign-in links sent by mail; only a hash of the secret is kept.';
comment on column email_tokens.selector is 'Public half of the link: finds the row.';
comment on column email_tokens.verifier_hash is 'Hash of the secret half of the link.';

comment on table result_cache is 'Finished results, kept to answer the same question again.';
comment on column result_cache.result_key is 'Hash of everything that decides the result.';

comment on table anonymous_usage is 'Checks allowed and used by a visitor without an account: one, for ever, per token.';
comment on column anonymous_usage.token is 'Bearer credential of the visitor: whoever has it can use it.';

comment on table requests is 'Requests as they came in; one request can lead to several checks.';
comment on column requests.anon_token is 'Bearer credential of a visitor without an account.';

comment on table checks is
  'One run per row: a claim put to a model in "K" paraphrase slots by "R" replicates over "T" templates. '
  'A re-run of the same run_id overwrites its row, created_at included.';
comment on column checks.run_id is 'Hash of claim, model, prompt version, "K" and "R": the same in every environment.';
comment on column checks.env is 'Where the run was made: local, dev, staging or production.';
comment on column checks.user_id is 'NULL for a visitor without an account, and once the user is deleted.';
comment on column checks.claim_hash is 'SHA-256 of the claim''s UTF-8, in hexadecimal.';
comment on column checks."K" is 'Paraphrase slots.';
comment on column checks."R" is 'Replicates per slot.';
comment on column checks."T" is 'Prompt templates.';
comment on column checks."B" is 'Bootstrap resamples behind the confidence intervals.';
comment on column checks.seed is 'Unsigned 64-bit.';
comment on column checks.bootstrap_seed is 'Unsigned 64-bit.';
comment on column checks.prob_true_rpl is 'Probability that the claim is true, as the model believes it without looking anything up.';
comment on column checks.ci_lo is 'Lower end of the bootstrap confidence interval of prob_true_rpl.';
comment on column checks.ci_hi is 'Upper end of the bootstrap confidence interval of prob_true_rpl.';
comment on column checks.ci_width is 'ci_hi - ci_lo.';
comment on column checks.template_iqr_logit is 'Interquartile range of the templates'' estimates, in logits.';
comment on column checks.stability_score is 'How little the estimate depends on the wording; 1 is best.';
comment on column checks.imbalance_ratio is 'How unevenly the samples are spread over the templates.';
comment on column checks.rpl_compliance_rate is 'Share of the answers that keep to the asked format.';
comment on column checks.cache_hit_rate is 'Share of the samples that came from the cache.';
comment on column checks.config_json is 'JSON kept as text: its seeds can exceed what JSON readers hold exactly.';
comment on column checks.pqs is 'Prompt quality score, 0 to 100.';
comment on column checks.gate_compliance_ok is 'Whether rpl_compliance_rate is high enough; NULL in rows older than the gate.';
comment on column checks.gate_stability_ok is 'Whether stability_score is high enough; NULL in rows older than the gate.';
comment on column checks.gate_precision_ok is 'Whether ci_width is small enough; NULL in rows older than the gate.';
comment on column checks.created_at is 'Its UTC day is the day of the run in every export.';
comment on column checks.anon_token is 'Bearer credential of a visitor without an account; exports hold only its SHA-256.';
comment on column checks.mode is 'baseline, or web_informed where documents were looked up.';
comment on column checks.p_prior is 'Probability before documents were looked up: prob_true_rpl of a baseline run.';
comment on column checks.p_web is 'Probability from the documents alone.';
comment on column checks.p_combined is 'p_prior and p_web, weighted by w_web.';
comment on column checks.w_web is 'Weight of p_web in p_combined.';
comment on column checks.resolved_flag is 'Whether the documents settle the claim.';
comment on column checks.resolved_truth is 'What they settle it as; NULL where they do not.';
comment on column checks.resolved_citations is 'JSON kept as text.';
comment on column checks.cost_usd is 'What the provider charges for the run, in US dollars.';
comment on column checks.request_id is 'The request that asked for the run; NULL once it is deleted.';
