-- Views of catalog.sql and the named queries. For Trino, and for Athena (engine 3), which takes one statement at a time.
-- First make the tables: trino.delta.sql or trino.directory.sql, beside this directory. What is asked
-- about stands in the view "asked": put values in place of its NULLs, and make it again.
-- Made by python3 analytics/engines/translate.py with sqlglot 30.31.0, from
--   catalog.sql sha256 d4cb8ed233f63f6353605fe5ffdfca333646ea3b1307bf97c6771d0bfe7cf128
--   queries.sql sha256 114789913f80f9c6d596e811504d292cc7a06ff0fc888c5aa022e97e21bc6445

-- What is asked about; null asks about everything. The tasks' --param sets it; by hand, make it again, with values.
CREATE OR REPLACE VIEW asked AS
SELECT
  CAST(NULL AS VARCHAR) AS model,
  CAST(NULL AS VARCHAR) AS env,
  CAST(NULL AS VARCHAR) AS claim,
  CAST(NULL AS DATE) AS since,
  CAST(NULL AS DATE) AS until;

-- Those asked about, earlier days too: what is usual on a day is found in the days before.
CREATE OR REPLACE VIEW asked_checks AS
SELECT
  c.*
FROM checks AS c
CROSS JOIN asked AS a
WHERE
  (
    a.model IS NULL OR c.model = a.model
  )
  AND (
    a.env IS NULL OR c.env = a.env
  )
  AND (
    a.claim IS NULL OR c.claim_hash = a.claim OR STRPOS(LOWER(c.claim), LOWER(a.claim)) > 0
  )
  AND (
    a.until IS NULL OR c.dt <= a.until
  );

-- Each of them once, in its newest form, in however many lanes it stands.
CREATE OR REPLACE VIEW history AS
SELECT
  *
FROM (
  SELECT
    *,
    ROW_NUMBER() OVER (
      PARTITION BY COALESCE(id, execution_id, run_id), CASE WHEN COALESCE(id, execution_id) IS NULL THEN created_at END
      ORDER BY created_at DESC, finished_at DESC, lane
    ) AS history_place
  FROM asked_checks
) AS _t
WHERE
  history_place = 1;

-- One row per execution, of the days asked about.
CREATE OR REPLACE VIEW executions AS
SELECT
  h.*
FROM history AS h
CROSS JOIN asked AS a
WHERE
  a.since IS NULL OR h.dt >= a.since;

-- One row per env and run: the last of its executions.
CREATE OR REPLACE VIEW checks_latest AS
SELECT
  *
FROM (
  SELECT
    *,
    ROW_NUMBER() OVER (PARTITION BY env, run_id ORDER BY created_at DESC, source, execution_id DESC, id) AS checks_latest_place
  FROM executions
) AS _t
WHERE
  checks_latest_place = 1;

-- Runs that recorded what is true: truth is 1 or 0, p the probability that was given (with the web where it was asked),
-- bin_from the lower end of its tenth, of which the last has both ends. Rounding takes sums a little past 0 and 1.
CREATE OR REPLACE VIEW resolved AS
SELECT
  *,
  COALESCE(p_combined, prob_true_rpl) AS p,
  CAST(GREATEST(LEAST(FLOOR(COALESCE(p_combined, prob_true_rpl) * 10), 9), 0) AS DOUBLE) / 10 AS bin_from,
  CASE WHEN resolved_truth THEN 1.0e0 ELSE 0.0e0 END AS truth
FROM checks_latest
WHERE
  NOT resolved_truth IS NULL AND COALESCE(p_combined, prob_true_rpl) BETWEEN -1e-9 AND 1 + 1e-9;

-- The newest prompt version of each env and model, by its first day in the lake, and the one before, with their runs.
CREATE OR REPLACE VIEW prompt_version_newest AS
WITH born AS (
  SELECT
    prompt_version,
    MIN(dt) AS first_day
  FROM checks
  GROUP BY
    prompt_version
), used AS (
  SELECT
    env,
    model,
    prompt_version,
    COUNT(*) AS runs
  FROM checks_latest
  GROUP BY
    env,
    model,
    prompt_version
), aged AS (
  SELECT
    used.env,
    used.model,
    used.prompt_version AS newer,
    used.runs AS newer_runs,
    ROW_NUMBER() OVER (PARTITION BY used.env, used.model ORDER BY born.first_day DESC, used.prompt_version DESC) AS age,
    LEAD(used.prompt_version) OVER (PARTITION BY used.env, used.model ORDER BY born.first_day DESC, used.prompt_version DESC) AS older,
    LEAD(used.runs) OVER (PARTITION BY used.env, used.model ORDER BY born.first_day DESC, used.prompt_version DESC) AS older_runs
  FROM used
  JOIN born
    ON born.prompt_version = used.prompt_version
)
SELECT
  env,
  model,
  older,
  newer,
  older_runs,
  newer_runs
FROM aged
WHERE
  age = 1 AND NOT older IS NULL;

-- These two on each claim that both answered with the same K, R, T, B: medians, and of four measures (ci_width,
-- stability, compliance, pqs) those that the newer one wins minus those it loses.
CREATE OR REPLACE VIEW prompt_version_pairs AS
WITH answers AS (
  SELECT
    c.*,
    v.older,
    v.newer,
    c.prompt_version = v.newer AS is_newer
  FROM checks_latest AS c
  JOIN prompt_version_newest AS v
    ON v.env = c.env AND v.model = c.model AND c.prompt_version IN (v.older, v.newer)
  WHERE
    NOT c.claim_hash IS NULL
), claims AS (
  SELECT
    env,
    model,
    older,
    newer,
    "K",
    "R",
    "T",
    "B",
    claim_hash,
    MIN(claim) AS claim,
    ELEMENT_AT(TRANSFORM(ARRAY[ARRAY_AGG(CAST(prob_true_rpl AS DOUBLE) ORDER BY prob_true_rpl) FILTER(WHERE NOT prob_true_rpl IS NULL AND NOT is_newer)], s -> ELEMENT_AT(TRANSFORM(ARRAY[0.5e0 * (CARDINALITY(s) - 1)], h -> s[CAST(FLOOR(h) AS INTEGER) + 1] * (1 - h + FLOOR(h)) + s[CAST(CEIL(h) AS INTEGER) + 1] * (h - FLOOR(h))), 1)), 1) AS older_p,
    ELEMENT_AT(TRANSFORM(ARRAY[ARRAY_AGG(CAST(prob_true_rpl AS DOUBLE) ORDER BY prob_true_rpl) FILTER(WHERE NOT prob_true_rpl IS NULL AND is_newer)], s -> ELEMENT_AT(TRANSFORM(ARRAY[0.5e0 * (CARDINALITY(s) - 1)], h -> s[CAST(FLOOR(h) AS INTEGER) + 1] * (1 - h + FLOOR(h)) + s[CAST(CEIL(h) AS INTEGER) + 1] * (h - FLOOR(h))), 1)), 1) AS newer_p,
    ELEMENT_AT(TRANSFORM(ARRAY[ARRAY_AGG(CAST(ci_width AS DOUBLE) ORDER BY ci_width) FILTER(WHERE NOT ci_width IS NULL AND NOT is_newer)], s -> ELEMENT_AT(TRANSFORM(ARRAY[0.5e0 * (CARDINALITY(s) - 1)], h -> s[CAST(FLOOR(h) AS INTEGER) + 1] * (1 - h + FLOOR(h)) + s[CAST(CEIL(h) AS INTEGER) + 1] * (h - FLOOR(h))), 1)), 1) AS older_width,
    ELEMENT_AT(TRANSFORM(ARRAY[ARRAY_AGG(CAST(ci_width AS DOUBLE) ORDER BY ci_width) FILTER(WHERE NOT ci_width IS NULL AND is_newer)], s -> ELEMENT_AT(TRANSFORM(ARRAY[0.5e0 * (CARDINALITY(s) - 1)], h -> s[CAST(FLOOR(h) AS INTEGER) + 1] * (1 - h + FLOOR(h)) + s[CAST(CEIL(h) AS INTEGER) + 1] * (h - FLOOR(h))), 1)), 1) AS newer_width,
    ELEMENT_AT(TRANSFORM(ARRAY[ARRAY_AGG(CAST(stability_score AS DOUBLE) ORDER BY stability_score) FILTER(WHERE NOT stability_score IS NULL AND NOT is_newer)], s -> ELEMENT_AT(TRANSFORM(ARRAY[0.5e0 * (CARDINALITY(s) - 1)], h -> s[CAST(FLOOR(h) AS INTEGER) + 1] * (1 - h + FLOOR(h)) + s[CAST(CEIL(h) AS INTEGER) + 1] * (h - FLOOR(h))), 1)), 1) AS older_stability,
    ELEMENT_AT(TRANSFORM(ARRAY[ARRAY_AGG(CAST(stability_score AS DOUBLE) ORDER BY stability_score) FILTER(WHERE NOT stability_score IS NULL AND is_newer)], s -> ELEMENT_AT(TRANSFORM(ARRAY[0.5e0 * (CARDINALITY(s) - 1)], h -> s[CAST(FLOOR(h) AS INTEGER) + 1] * (1 - h + FLOOR(h)) + s[CAST(CEIL(h) AS INTEGER) + 1] * (h - FLOOR(h))), 1)), 1) AS newer_stability,
    ELEMENT_AT(TRANSFORM(ARRAY[ARRAY_AGG(CAST(rpl_compliance_rate AS DOUBLE) ORDER BY rpl_compliance_rate) FILTER(WHERE NOT rpl_compliance_rate IS NULL AND NOT is_newer)], s -> ELEMENT_AT(TRANSFORM(ARRAY[0.5e0 * (CARDINALITY(s) - 1)], h -> s[CAST(FLOOR(h) AS INTEGER) + 1] * (1 - h + FLOOR(h)) + s[CAST(CEIL(h) AS INTEGER) + 1] * (h - FLOOR(h))), 1)), 1) AS older_compliance,
    ELEMENT_AT(TRANSFORM(ARRAY[ARRAY_AGG(CAST(rpl_compliance_rate AS DOUBLE) ORDER BY rpl_compliance_rate) FILTER(WHERE NOT rpl_compliance_rate IS NULL AND is_newer)], s -> ELEMENT_AT(TRANSFORM(ARRAY[0.5e0 * (CARDINALITY(s) - 1)], h -> s[CAST(FLOOR(h) AS INTEGER) + 1] * (1 - h + FLOOR(h)) + s[CAST(CEIL(h) AS INTEGER) + 1] * (h - FLOOR(h))), 1)), 1) AS newer_compliance,
    ELEMENT_AT(TRANSFORM(ARRAY[ARRAY_AGG(CAST(pqs AS DOUBLE) ORDER BY pqs) FILTER(WHERE NOT pqs IS NULL AND NOT is_newer)], s -> ELEMENT_AT(TRANSFORM(ARRAY[0.5e0 * (CARDINALITY(s) - 1)], h -> s[CAST(FLOOR(h) AS INTEGER) + 1] * (1 - h + FLOOR(h)) + s[CAST(CEIL(h) AS INTEGER) + 1] * (h - FLOOR(h))), 1)), 1) AS older_pqs,
    ELEMENT_AT(TRANSFORM(ARRAY[ARRAY_AGG(CAST(pqs AS DOUBLE) ORDER BY pqs) FILTER(WHERE NOT pqs IS NULL AND is_newer)], s -> ELEMENT_AT(TRANSFORM(ARRAY[0.5e0 * (CARDINALITY(s) - 1)], h -> s[CAST(FLOOR(h) AS INTEGER) + 1] * (1 - h + FLOOR(h)) + s[CAST(CEIL(h) AS INTEGER) + 1] * (h - FLOOR(h))), 1)), 1) AS newer_pqs
  FROM answers
  GROUP BY
    env,
    model,
    older,
    newer,
    "K",
    "R",
    "T",
    "B",
    claim_hash
  HAVING
    COUNT(DISTINCT prompt_version) = 2
)
SELECT
  *,
  COALESCE(SIGN(older_width - newer_width), 0) + COALESCE(SIGN(newer_stability - older_stability), 0) + COALESCE(SIGN(newer_compliance - older_compliance), 0) + COALESCE(SIGN(newer_pqs - older_pqs), 0) AS score
FROM claims;

-- Rows of each env and day, empty days too, from its first day to the last one of the lake. usual is the median of the
-- days with rows among the 28 that end with the last one before it: an outage of any length is held against them.
-- An alert needs 7 such days, and that at least 10 rows are missing, in all empty days together.
CREATE OR REPLACE VIEW env_days AS
WITH counts AS (
  SELECT
    env,
    dt,
    COUNT(*) AS rows
  FROM history
  GROUP BY
    env,
    dt
), usuals AS (
  SELECT
    c.env,
    c.dt,
    ELEMENT_AT(TRANSFORM(ARRAY[ARRAY_AGG(CAST(near.rows AS DOUBLE) ORDER BY near.rows) FILTER(WHERE NOT near.rows IS NULL)], s -> ELEMENT_AT(TRANSFORM(ARRAY[0.5e0 * (CARDINALITY(s) - 1)], h -> s[CAST(FLOOR(h) AS INTEGER) + 1] * (1 - h + FLOOR(h)) + s[CAST(CEIL(h) AS INTEGER) + 1] * (h - FLOOR(h))), 1)), 1) AS usual,
    COUNT(*) AS days_with_rows
  FROM counts AS c
  JOIN counts AS near
    ON near.env = c.env AND DATE_DIFF('DAY', DATE_TRUNC('DAY', near.dt), DATE_TRUNC('DAY', c.dt)) BETWEEN 0 AND 27
  GROUP BY
    c.env,
    c.dt
), ends AS (
  SELECT
    CASE WHEN MIN(a.until) < MAX(c.dt) THEN MIN(a.until) ELSE MAX(c.dt) END AS last_day
  FROM checks AS c
  CROSS JOIN asked AS a
), spans AS (
  SELECT
    env,
    CAST(MIN(dt) AS TIMESTAMP) AS first_day,
    CAST(MIN(last_day) AS TIMESTAMP) AS last_day
  FROM counts
  CROSS JOIN ends
  GROUP BY
    env
), calendar AS (
  SELECT
    env,
    CAST(day AS DATE) AS dt
  FROM spans
  CROSS JOIN UNNEST(SEQUENCE(first_day, last_day, INTERVAL '1' DAY)) AS days(day)
), daily AS (
  SELECT
    calendar.env,
    calendar.dt,
    COALESCE(counts.rows, 0) AS rows,
    MAX(counts.dt) OVER (PARTITION BY calendar.env ORDER BY calendar.dt rows BETWEEN UNBOUNDED preceding AND 1 preceding) AS last_seen
  FROM calendar
  LEFT JOIN counts
    ON counts.env = calendar.env AND counts.dt = calendar.dt
)
SELECT
  daily.env,
  daily.dt,
  daily.rows,
  usuals.usual,
  CASE
    WHEN daily.rows = 0
    THEN DATE_DIFF('DAY', DATE_TRUNC('DAY', daily.last_seen), DATE_TRUNC('DAY', daily.dt))
  END AS empty_days,
  CASE
    WHEN usuals.days_with_rows < 7
    THEN NULL
    WHEN daily.rows = 0
    AND usuals.usual * DATE_DIFF('DAY', DATE_TRUNC('DAY', daily.last_seen), DATE_TRUNC('DAY', daily.dt)) >= 10
    THEN 'no rows'
    WHEN daily.rows > 0 AND daily.rows < CAST(usuals.usual AS DOUBLE) / 2 AND usuals.usual - daily.rows >= 10
    THEN 'flat'
  END AS alert
FROM daily
LEFT JOIN usuals
  ON usuals.env = daily.env AND usuals.dt = daily.last_seen;

-- Each of them once, in its newest form; of the months that begin within the days asked about.
CREATE OR REPLACE VIEW usage AS
SELECT
  *
FROM (
  SELECT
    u.*,
    ROW_NUMBER() OVER (PARTITION BY u.id ORDER BY u.updated_at DESC, u.lane) AS usage_place
  FROM usage_ledger AS u
  CROSS JOIN asked AS a
  WHERE
    (
      a.since IS NULL OR u.dt >= a.since
    ) AND (
      a.until IS NULL OR u.dt <= a.until
    )
) AS _t
WHERE
  usage_place = 1;

-- name: overview
-- Rows, runs and days of each lane, env and source; a row that stands in two lanes counts in both.
SELECT
  lane,
  env,
  source,
  COUNT(*) AS rows,
  COUNT(DISTINCT run_id) AS runs,
  COUNT(DISTINCT claim_hash) AS claims,
  COUNT(DISTINCT c.model) AS models,
  MIN(dt) AS first_day,
  MAX(dt) AS last_day
FROM asked_checks AS c
WHERE
  (
    SELECT
      since
    FROM asked
  ) IS NULL OR dt >= (
    SELECT
      since
    FROM asked
  )
GROUP BY
  lane,
  env,
  source
ORDER BY
  lane,
  env,
  source;

-- name: freshness
-- The last row of each env in each lane, how far it lies behind the lane's last day, and days without rows.
WITH envs AS (
  SELECT
    lane,
    env,
    COUNT(*) AS rows,
    MIN(dt) AS first_day,
    MAX(dt) AS last_day,
    MAX(created_at) AS last_row,
    COUNT(DISTINCT dt) AS days_with_rows
  FROM asked_checks
  WHERE
    (
      SELECT
        since
      FROM asked
    ) IS NULL OR dt >= (
      SELECT
        since
      FROM asked
    )
  GROUP BY
    lane,
    env
), lanes AS (
  SELECT
    c.lane,
    MAX(c.dt) AS lane_day
  FROM checks AS c
  CROSS JOIN asked AS a
  WHERE
    a.until IS NULL OR c.dt <= a.until
  GROUP BY
    c.lane
)
SELECT
  envs.lane,
  envs.env,
  envs.rows,
  envs.last_row,
  envs.last_day,
  lanes.lane_day,
  DATE_DIFF('DAY', DATE_TRUNC('DAY', envs.last_day), DATE_TRUNC('DAY', lanes.lane_day)) AS days_behind,
  DATE_DIFF('DAY', DATE_TRUNC('DAY', envs.first_day), DATE_TRUNC('DAY', lanes.lane_day)) + 1 - envs.days_with_rows AS gap_days
FROM envs
JOIN lanes
  ON lanes.lane = envs.lane
ORDER BY
  envs.lane,
  envs.env;

-- name: totals
-- The lake in one line: each row once, all envs together.
SELECT
  COUNT(*) AS rows,
  COUNT(DISTINCT run_id) AS runs,
  COUNT(DISTINCT claim_hash) AS claims,
  COUNT(DISTINCT model) AS models,
  MIN(dt) AS first_day,
  MAX(dt) AS last_day,
  SUM(cost_usd) AS cost_usd,
  ROUND(AVG(CASE WHEN mode = 'web_informed' THEN 1.0e0 ELSE 0.0e0 END), 3) AS web_share,
  ROUND(AVG(CASE WHEN was_cached THEN 1.0e0 ELSE 0.0e0 END), 3) AS cached_share,
  (
    SELECT
      ROUND(AVG(POWER(p - truth, 2)), 4)
    FROM resolved
  ) AS brier
FROM executions;

-- name: prompt_versions
-- The newest prompt version and the one before, by env and model: the mean change on claims that both answered.
WITH measured AS (
  SELECT
    env,
    model,
    measure,
    CASE WHEN measure = 'ci_width' THEN -1 WHEN measure <> 'p' THEN 1 END AS better,
    CASE measure
      WHEN 'p'
      THEN older_p
      WHEN 'ci_width'
      THEN older_width
      WHEN 'stability'
      THEN older_stability
      WHEN 'compliance'
      THEN older_compliance
      ELSE older_pqs
    END AS older,
    CASE measure
      WHEN 'p'
      THEN newer_p
      WHEN 'ci_width'
      THEN newer_width
      WHEN 'stability'
      THEN newer_stability
      WHEN 'compliance'
      THEN newer_compliance
      ELSE newer_pqs
    END AS newer
  FROM prompt_version_pairs
  CROSS JOIN (VALUES
    ('p'),
    ('ci_width'),
    ('stability'),
    ('compliance'),
    ('pqs')) AS measures(measure)
)
SELECT
  v.env,
  v.model,
  v.older,
  v.newer,
  m.measure,
  v.older_runs,
  v.newer_runs,
  COUNT(m.newer - m.older) AS claims,
  ROUND(AVG(m.older) FILTER(WHERE NOT m.newer IS NULL), 4) AS older_mean,
  ROUND(AVG(m.newer) FILTER(WHERE NOT m.older IS NULL), 4) AS newer_mean,
  ROUND(AVG(m.newer - m.older), 4) AS change,
  ROUND(CAST(STDDEV_SAMP(m.newer - m.older) AS DOUBLE) / SQRT(COUNT(m.newer - m.older)), 4) AS change_se,
  COUNT(*) FILTER(WHERE better * (
      m.newer - m.older
    ) > 0) AS wins,
  COUNT(*) FILTER(WHERE better * (
      m.newer - m.older
    ) < 0) AS losses
FROM prompt_version_newest AS v
LEFT JOIN measured AS m
  ON m.env = v.env AND m.model = v.model
GROUP BY
  v.env,
  v.model,
  v.older,
  v.newer,
  m.measure,
  v.older_runs,
  v.newer_runs
ORDER BY
  v.env,
  v.model,
  m.measure;

-- name: prompt_version_claims
-- The same two versions claim by claim, by env and model: medians, which one wins, and on what the newer one loses.
SELECT
  claim,
  env,
  model,
  "K",
  "R",
  "T",
  "B",
  CASE WHEN score > 0 THEN newer WHEN score < 0 THEN older ELSE 'tie' END AS winner,
  CONCAT_WS(
    ', ',
    CAST(CASE WHEN newer_width > older_width THEN 'ci_width' END AS VARCHAR),
    CAST(CASE WHEN newer_stability < older_stability THEN 'stability' END AS VARCHAR),
    CAST(CASE WHEN newer_compliance < older_compliance THEN 'compliance' END AS VARCHAR),
    CAST(CASE WHEN newer_pqs < older_pqs THEN 'pqs' END AS VARCHAR)
  ) AS newer_loses_on,
  ROUND(older_p, 4) AS older_p,
  ROUND(newer_p, 4) AS newer_p,
  ROUND(older_width, 4) AS older_width,
  ROUND(newer_width, 4) AS newer_width,
  ROUND(older_stability, 3) AS older_stability,
  ROUND(newer_stability, 3) AS newer_stability,
  ROUND(older_compliance, 3) AS older_compliance,
  ROUND(newer_compliance, 3) AS newer_compliance,
  older_pqs,
  newer_pqs
FROM prompt_version_pairs
ORDER BY
  score,
  claim,
  env,
  model,
  "K",
  "R",
  "T",
  "B",
  claim_hash;

-- name: claim_models
-- The same claim across models, a row each, in the newest prompt version that most of them share; all envs together.
-- params: env, claim, since, until
WITH per_model AS (
  SELECT
    claim_hash,
    MIN(claim) AS claim,
    prompt_version,
    model,
    COUNT(*) AS runs,
    ELEMENT_AT(TRANSFORM(ARRAY[ARRAY_AGG(CAST(prob_true_rpl AS DOUBLE) ORDER BY prob_true_rpl) FILTER(WHERE NOT prob_true_rpl IS NULL)], s -> ELEMENT_AT(TRANSFORM(ARRAY[0.5e0 * (CARDINALITY(s) - 1)], h -> s[CAST(FLOOR(h) AS INTEGER) + 1] * (1 - h + FLOOR(h)) + s[CAST(CEIL(h) AS INTEGER) + 1] * (h - FLOOR(h))), 1)), 1) AS p,
    ELEMENT_AT(TRANSFORM(ARRAY[ARRAY_AGG(CAST(p_web - p_prior AS DOUBLE) ORDER BY p_web - p_prior) FILTER(WHERE NOT (p_web - p_prior) IS NULL)], s -> ELEMENT_AT(TRANSFORM(ARRAY[0.5e0 * (CARDINALITY(s) - 1)], h -> s[CAST(FLOOR(h) AS INTEGER) + 1] * (1 - h + FLOOR(h)) + s[CAST(CEIL(h) AS INTEGER) + 1] * (h - FLOOR(h))), 1)), 1) AS bias_gap,
    MAX(created_at) AS last_seen
  FROM checks_latest
  WHERE
    NOT claim_hash IS NULL AND NOT model IS NULL AND NOT prob_true_rpl IS NULL
  GROUP BY
    claim_hash,
    prompt_version,
    model
), per_claim AS (
  SELECT
    claim_hash,
    MIN(claim) AS claim,
    prompt_version,
    COUNT(*) AS models,
    AVG(p) AS mean_p,
    MAX(p) - MIN(p) AS spread,
    MAX(last_seen) AS last_seen
  FROM per_model
  GROUP BY
    claim_hash,
    prompt_version
  HAVING
    COUNT(*) > 1
), shared AS (
  SELECT
    *
  FROM (
    SELECT
      *,
      ROW_NUMBER() OVER (PARTITION BY claim_hash ORDER BY models DESC, last_seen DESC, prompt_version DESC) AS place
    FROM per_claim
  ) AS _t
  WHERE
    place = 1
)
SELECT
  c.claim,
  c.prompt_version,
  c.models,
  ROUND(c.spread, 3) AS spread,
  m.model,
  m.runs,
  ROUND(m.p, 3) AS p,
  ROUND(m.p - c.mean_p, 3) AS from_mean,
  ROUND(m.bias_gap, 3) AS bias_gap
FROM shared AS c
JOIN per_model AS m
  ON m.claim_hash = c.claim_hash AND m.prompt_version = c.prompt_version
ORDER BY
  c.spread DESC,
  c.claim,
  c.claim_hash,
  m.p DESC,
  m.model;

-- name: bias_gap
-- How far the web moves each model (p_web - p_prior), and how often towards the truth if at all; all envs together.
SELECT
  model,
  COUNT(*) AS web_runs,
  ROUND(AVG(p_web - p_prior), 4) AS mean_gap,
  ROUND(
    ELEMENT_AT(TRANSFORM(ARRAY[ARRAY_AGG(CAST(ABS(p_web - p_prior) AS DOUBLE) ORDER BY ABS(p_web - p_prior)) FILTER(WHERE NOT ABS(p_web - p_prior) IS NULL)], s -> ELEMENT_AT(TRANSFORM(ARRAY[0.5e0 * (CARDINALITY(s) - 1)], h -> s[CAST(FLOOR(h) AS INTEGER) + 1] * (1 - h + FLOOR(h)) + s[CAST(CEIL(h) AS INTEGER) + 1] * (h - FLOOR(h))), 1)), 1),
    4
  ) AS median_distance,
  COUNT(*) FILTER(WHERE NOT resolved_truth IS NULL) AS resolved,
  COUNT(*) FILTER(WHERE NOT resolved_truth IS NULL AND p_web <> p_prior) AS resolved_moved,
  ROUND(
    AVG(CASE WHEN (
      p_web > p_prior
    ) = resolved_truth THEN 1.0e0 ELSE 0.0e0 END) FILTER(WHERE NOT resolved_truth IS NULL AND p_web <> p_prior),
    3
  ) AS towards_truth
FROM checks_latest
WHERE
  mode = 'web_informed' AND NOT p_web IS NULL AND NOT p_prior IS NULL
GROUP BY
  model
ORDER BY
  model;

-- name: web_share
-- Share of web_informed runs and how many of them are resolved, by month and env.
SELECT
  DATE_FORMAT(dt, '%Y-%m') AS month,
  env,
  COUNT(*) AS runs,
  COUNT(*) FILTER(WHERE mode = 'web_informed') AS web_runs,
  ROUND(AVG(CASE WHEN mode = 'web_informed' THEN 1.0e0 ELSE 0.0e0 END), 3) AS web_share,
  COUNT(*) FILTER(WHERE mode = 'web_informed' AND resolved_flag) AS resolved,
  ROUND(AVG(CASE WHEN resolved_flag THEN 1.0e0 ELSE 0.0e0 END) FILTER(WHERE mode = 'web_informed'), 3) AS resolved_rate,
  ROUND(AVG(n_domains), 1) AS mean_domains
FROM checks_latest
GROUP BY
  1,
  2
ORDER BY
  1,
  2;

-- name: brier
-- Brier score by model, prompt version and mode where the truth is known (0 perfect, 0.25 a coin); all envs together.
SELECT
  model,
  prompt_version,
  mode,
  COUNT(*) AS runs,
  COUNT(DISTINCT claim_hash) AS claims,
  ROUND(AVG(POWER(p - truth, 2)), 4) AS brier,
  ROUND(CAST(STDDEV_SAMP(POWER(p - truth, 2)) AS DOUBLE) / SQRT(COUNT(*)), 4) AS brier_se,
  ROUND(AVG(POWER(prob_true_rpl - truth, 2)), 4) AS brier_prior,
  ROUND(AVG(p), 3) AS mean_p,
  ROUND(AVG(truth), 3) AS share_true
FROM resolved
GROUP BY
  model,
  prompt_version,
  mode
ORDER BY
  model,
  prompt_version,
  mode;

-- name: brier_months
-- Brier score by month and mode; all envs together.
SELECT
  DATE_FORMAT(dt, '%Y-%m') AS month,
  mode,
  COUNT(*) AS runs,
  ROUND(AVG(POWER(p - truth, 2)), 4) AS brier,
  ROUND(AVG(POWER(prob_true_rpl - truth, 2)), 4) AS brier_prior,
  ROUND(AVG(p), 3) AS mean_p,
  ROUND(AVG(truth), 3) AS share_true
FROM resolved
GROUP BY
  1,
  2
ORDER BY
  1,
  2;

-- name: calibration
-- Where a model says 0.7, are 70 % true? Ten bins by model and prompt version; all envs together.
SELECT
  model,
  prompt_version,
  bin_from,
  COUNT(*) AS runs,
  ROUND(AVG(p), 3) AS mean_p,
  ROUND(AVG(truth), 3) AS share_true,
  ROUND(AVG(truth) - AVG(p), 3) AS gap
FROM resolved
GROUP BY
  1,
  2,
  3
ORDER BY
  1,
  2,
  3;

-- name: reliability
-- The same bins by month and mode; all envs together.
SELECT
  DATE_FORMAT(dt, '%Y-%m') AS month,
  mode,
  bin_from,
  COUNT(*) AS runs,
  ROUND(AVG(p), 3) AS mean_p,
  ROUND(AVG(truth), 3) AS share_true,
  ROUND(AVG(truth) - AVG(p), 3) AS gap
FROM resolved
GROUP BY
  1,
  2,
  3
ORDER BY
  1,
  2,
  3;

-- name: widths
-- Width of the confidence interval by day and model, median and quartiles; all envs together.
SELECT
  dt,
  model,
  COUNT(ci_width) AS runs,
  ROUND(
    ELEMENT_AT(TRANSFORM(ARRAY[ARRAY_AGG(CAST(ci_width AS DOUBLE) ORDER BY ci_width) FILTER(WHERE NOT ci_width IS NULL)], s -> ELEMENT_AT(TRANSFORM(ARRAY[0.25e0 * (CARDINALITY(s) - 1)], h -> s[CAST(FLOOR(h) AS INTEGER) + 1] * (1 - h + FLOOR(h)) + s[CAST(CEIL(h) AS INTEGER) + 1] * (h - FLOOR(h))), 1)), 1),
    4
  ) AS lower_quartile,
  ROUND(
    ELEMENT_AT(TRANSFORM(ARRAY[ARRAY_AGG(CAST(ci_width AS DOUBLE) ORDER BY ci_width) FILTER(WHERE NOT ci_width IS NULL)], s -> ELEMENT_AT(TRANSFORM(ARRAY[0.5e0 * (CARDINALITY(s) - 1)], h -> s[CAST(FLOOR(h) AS INTEGER) + 1] * (1 - h + FLOOR(h)) + s[CAST(CEIL(h) AS INTEGER) + 1] * (h - FLOOR(h))), 1)), 1),
    4
  ) AS median_width,
  ROUND(
    ELEMENT_AT(TRANSFORM(ARRAY[ARRAY_AGG(CAST(ci_width AS DOUBLE) ORDER BY ci_width) FILTER(WHERE NOT ci_width IS NULL)], s -> ELEMENT_AT(TRANSFORM(ARRAY[0.75e0 * (CARDINALITY(s) - 1)], h -> s[CAST(FLOOR(h) AS INTEGER) + 1] * (1 - h + FLOOR(h)) + s[CAST(CEIL(h) AS INTEGER) + 1] * (h - FLOOR(h))), 1)), 1),
    4
  ) AS upper_quartile
FROM checks_latest
WHERE
  NOT ci_width IS NULL
GROUP BY
  dt,
  model
ORDER BY
  dt,
  model;

-- name: cache_hits
-- Cache hit rate by day and env, each execution once: whole runs from the cache, and the mean over samples.
SELECT
  dt,
  env,
  COUNT(*) AS rows,
  COUNT(*) FILTER(WHERE was_cached) AS cached,
  ROUND(AVG(CASE WHEN was_cached THEN 1.0e0 ELSE 0.0e0 END), 3) AS cached_share,
  ROUND(AVG(cache_hit_rate), 3) AS mean_hit_rate
FROM executions
GROUP BY
  dt,
  env
ORDER BY
  dt,
  env;

-- name: costs
-- Tokens and cost by day and provider, and per run; each execution once, all envs together.
SELECT
  dt,
  provider,
  COUNT(*) AS rows,
  COUNT(cost_usd) AS priced,
  SUM(tokens_in) AS tokens_in,
  SUM(tokens_out) AS tokens_out,
  SUM(cost_usd) AS cost_usd,
  ROUND(AVG(CAST(cost_usd AS DOUBLE)), 6) AS cost_per_run,
  ROUND(AVG(tokens_in + tokens_out)) AS tokens_per_run
FROM executions
GROUP BY
  dt,
  provider
ORDER BY
  dt,
  provider;

-- name: costly_runs
-- The twenty most expensive executions, each once, of all envs.
SELECT
  dt,
  env,
  run_id,
  execution_id,
  provider,
  model,
  mode,
  "K",
  "R",
  tokens_in,
  tokens_out,
  cost_usd
FROM executions
WHERE
  NOT cost_usd IS NULL
ORDER BY
  cost_usd DESC,
  created_at DESC,
  run_id,
  execution_id,
  env
LIMIT 20;

-- name: checks_per_user
-- Checks by UTC month and user, all envs together; rows without a user are anonymous visitors or research.
SELECT
  DATE_FORMAT(dt, '%Y-%m') AS month,
  user_id,
  CASE WHEN NOT user_id IS NULL THEN 'user' WHEN NOT anon_token IS NULL THEN 'anonymous' ELSE 'research' END AS kind,
  COUNT(*) AS checks,
  COUNT(DISTINCT anon_token) AS visitors,
  COUNT(DISTINCT claim_hash) AS claims,
  COUNT(*) FILTER(WHERE was_cached) AS cached,
  SUM(cost_usd) AS cost_usd
FROM checks_latest
GROUP BY
  1,
  2,
  3
ORDER BY
  1,
  checks DESC,
  kind,
  user_id;

-- name: allowance
-- Checks used and allowed by month and plan, users near (four fifths), at and over it; needs the dataset usage_ledger.
-- params: since, until
SELECT
  DATE_FORMAT(period_start, '%Y-%m') AS month,
  plan,
  COUNT(*) AS users,
  SUM(checks_used) AS used,
  SUM(checks_allowed) AS allowed,
  ROUND(CAST(100.0 * SUM(checks_used) AS DOUBLE) / NULLIF(SUM(checks_allowed), 0), 1) AS percent,
  COUNT(*) FILTER(WHERE checks_used >= 0.8 * checks_allowed AND checks_used < checks_allowed) AS near,
  COUNT(*) FILTER(WHERE checks_used = checks_allowed) AS reached,
  COUNT(*) FILTER(WHERE checks_used > checks_allowed) AS exceeded
FROM usage
GROUP BY
  1,
  2
ORDER BY
  1,
  2;

-- name: usage_allowance
-- Who has used four fifths of the allowance, or more, by month and plan; needs the dataset usage_ledger.
-- params: since, until
SELECT
  DATE_FORMAT(period_start, '%Y-%m') AS month,
  plan,
  user_id,
  checks_used AS used,
  checks_allowed AS allowed,
  ROUND(CAST(100.0 * checks_used AS DOUBLE) / NULLIF(checks_allowed, 0), 1) AS percent,
  CASE WHEN checks_used > checks_allowed THEN 'over' WHEN checks_used = checks_allowed THEN 'full' ELSE 'near' END AS standing
FROM usage
WHERE
  checks_used >= 0.8 * checks_allowed
ORDER BY
  month DESC,
  plan,
  used - allowed DESC,
  user_id;

-- name: request_outcomes
-- How many requests became a check, and how many never did, by day, env and mode; needs the dataset requests.
-- params: env, claim, since, until
WITH asked_requests AS (
  SELECT DISTINCT
    r.id,
    r.dt,
    r.env,
    r.mode
  FROM requests AS r
  CROSS JOIN asked AS a
  WHERE
    (
      a.env IS NULL OR r.env = a.env
    )
    AND (
      a.claim IS NULL OR STRPOS(LOWER(r.claim), LOWER(a.claim)) > 0
    )
    AND (
      a.since IS NULL OR r.dt >= a.since
    )
    AND (
      a.until IS NULL OR r.dt <= a.until
    )
), made AS (
  SELECT
    request_id,
    COUNT(DISTINCT run_id) AS checks
  FROM checks
  WHERE
    NOT request_id IS NULL
  GROUP BY
    request_id
)
SELECT
  r.dt,
  r.env,
  r.mode,
  COUNT(*) AS requests,
  COUNT(m.request_id) AS became_checks,
  COUNT(*) - COUNT(m.request_id) AS never,
  CAST(COALESCE(SUM(m.checks), 0) AS BIGINT) AS checks
FROM asked_requests AS r
LEFT JOIN made AS m
  ON m.request_id = r.id
GROUP BY
  r.dt,
  r.env,
  r.mode
ORDER BY
  r.dt,
  r.env,
  r.mode;

-- name: gates
-- Gate pass rates among rated runs, and runs that lack gates or pqs, by month and prompt version; all envs together.
SELECT
  DATE_FORMAT(dt, '%Y-%m') AS month,
  prompt_version,
  COUNT(*) AS runs,
  ROUND(AVG(CASE WHEN gate_compliance_ok THEN 1.0e0 WHEN NOT gate_compliance_ok THEN 0.0e0 END), 3) AS compliance_pass,
  ROUND(AVG(CASE WHEN gate_stability_ok THEN 1.0e0 WHEN NOT gate_stability_ok THEN 0.0e0 END), 3) AS stability_pass,
  ROUND(AVG(CASE WHEN gate_precision_ok THEN 1.0e0 WHEN NOT gate_precision_ok THEN 0.0e0 END), 3) AS precision_pass,
  COUNT(*) FILTER(WHERE gate_compliance_ok AND gate_stability_ok AND gate_precision_ok) AS pass_all,
  COUNT(*) FILTER(WHERE gate_compliance_ok IS NULL OR gate_stability_ok IS NULL OR gate_precision_ok IS NULL) AS without_gates,
  COUNT(*) FILTER(WHERE pqs IS NULL) AS without_pqs,
  ELEMENT_AT(TRANSFORM(ARRAY[ARRAY_AGG(CAST(pqs AS DOUBLE) ORDER BY pqs) FILTER(WHERE NOT pqs IS NULL)], s -> ELEMENT_AT(TRANSFORM(ARRAY[0.5e0 * (CARDINALITY(s) - 1)], h -> s[CAST(FLOOR(h) AS INTEGER) + 1] * (1 - h + FLOOR(h)) + s[CAST(CEIL(h) AS INTEGER) + 1] * (h - FLOOR(h))), 1)), 1) AS median_pqs
FROM checks_latest
GROUP BY
  1,
  2
ORDER BY
  1,
  2;

-- name: days
-- Rows by env and day, each once, empty days too; an alert where a day has less than half of the usual, or nothing.
SELECT
  d.env,
  d.dt,
  d.rows,
  d.usual,
  CASE
    WHEN d.alert = 'no rows' AND d.empty_days = 1
    THEN 'no rows for 1 day'
    WHEN d.alert = 'no rows'
    THEN CONCAT(
      COALESCE(CAST('no rows for ' AS VARCHAR), ''),
      COALESCE(CAST(d.empty_days AS VARCHAR), ''),
      COALESCE(CAST(' days' AS VARCHAR), '')
    )
    ELSE d.alert
  END AS alert
FROM env_days AS d
CROSS JOIN asked AS a
WHERE
  a.since IS NULL OR d.dt >= a.since
ORDER BY
  d.env,
  d.dt;

-- name: alerts
-- The ten newest alerts of each env, newest first: days in a row that are flat, or without any rows.
WITH numbered AS (
  SELECT
    d.*,
    DATE_DIFF('DAY', DATE_TRUNC('DAY', CAST('2000-01-01' AS DATE)), DATE_TRUNC('DAY', d.dt)) - ROW_NUMBER() OVER (PARTITION BY d.env, d.alert ORDER BY d.dt) AS stretch
  FROM env_days AS d
  CROSS JOIN asked AS a
  WHERE
    NOT d.alert IS NULL AND (
      a.since IS NULL OR d.dt >= a.since
    )
), stretches AS (
  SELECT
    env,
    alert,
    MIN(dt) AS first_day,
    MAX(dt) AS last_day,
    COUNT(*) AS days,
    MAX(empty_days) AS empty_days,
    CAST(SUM(rows) AS BIGINT) AS rows,
    ELEMENT_AT(TRANSFORM(ARRAY[ARRAY_AGG(CAST(usual AS DOUBLE) ORDER BY usual) FILTER(WHERE NOT usual IS NULL)], s -> ELEMENT_AT(TRANSFORM(ARRAY[0.5e0 * (CARDINALITY(s) - 1)], h -> s[CAST(FLOOR(h) AS INTEGER) + 1] * (1 - h + FLOOR(h)) + s[CAST(CEIL(h) AS INTEGER) + 1] * (h - FLOOR(h))), 1)), 1) AS usual
  FROM numbered
  GROUP BY
    env,
    alert,
    stretch
), aged AS (
  SELECT
    *,
    ROW_NUMBER() OVER (PARTITION BY env ORDER BY last_day DESC) AS age
  FROM stretches
)
SELECT
  env,
  last_day,
  first_day,
  alert,
  COALESCE(empty_days, days) AS days,
  rows,
  usual
FROM aged
WHERE
  age <= 10
ORDER BY
  last_day DESC,
  env;

-- name: local_production
-- Local research beside production: the same claim, model and prompt version in both envs.
-- params: model, claim, since, until
WITH per_env AS (
  SELECT
    env,
    claim_hash,
    MIN(claim) AS claim,
    model,
    prompt_version,
    COUNT(*) AS runs,
    ELEMENT_AT(TRANSFORM(ARRAY[ARRAY_AGG(CAST(prob_true_rpl AS DOUBLE) ORDER BY prob_true_rpl) FILTER(WHERE NOT prob_true_rpl IS NULL)], s -> ELEMENT_AT(TRANSFORM(ARRAY[0.5e0 * (CARDINALITY(s) - 1)], h -> s[CAST(FLOOR(h) AS INTEGER) + 1] * (1 - h + FLOOR(h)) + s[CAST(CEIL(h) AS INTEGER) + 1] * (h - FLOOR(h))), 1)), 1) AS p,
    ELEMENT_AT(TRANSFORM(ARRAY[ARRAY_AGG(CAST(ci_width AS DOUBLE) ORDER BY ci_width) FILTER(WHERE NOT ci_width IS NULL)], s -> ELEMENT_AT(TRANSFORM(ARRAY[0.5e0 * (CARDINALITY(s) - 1)], h -> s[CAST(FLOOR(h) AS INTEGER) + 1] * (1 - h + FLOOR(h)) + s[CAST(CEIL(h) AS INTEGER) + 1] * (h - FLOOR(h))), 1)), 1) AS ci_width,
    ELEMENT_AT(TRANSFORM(ARRAY[ARRAY_AGG(CAST(stability_score AS DOUBLE) ORDER BY stability_score) FILTER(WHERE NOT stability_score IS NULL)], s -> ELEMENT_AT(TRANSFORM(ARRAY[0.5e0 * (CARDINALITY(s) - 1)], h -> s[CAST(FLOOR(h) AS INTEGER) + 1] * (1 - h + FLOOR(h)) + s[CAST(CEIL(h) AS INTEGER) + 1] * (h - FLOOR(h))), 1)), 1) AS stability
  FROM checks_latest
  WHERE
    env IN ('local', 'production') AND NOT claim_hash IS NULL
  GROUP BY
    env,
    claim_hash,
    model,
    prompt_version
)
SELECT
  l.claim,
  l.model,
  l.prompt_version,
  l.runs AS local_runs,
  p.runs AS production_runs,
  ROUND(l.p, 3) AS local_p,
  ROUND(p.p, 3) AS production_p,
  ROUND(p.p - l.p, 3) AS difference,
  ROUND(l.ci_width, 3) AS local_width,
  ROUND(p.ci_width, 3) AS production_width,
  ABS(p.p - l.p) > CAST((
    l.ci_width + p.ci_width
  ) AS DOUBLE) / 2 AS disagree
FROM per_env AS l
JOIN per_env AS p
  ON p.claim_hash = l.claim_hash AND p.model = l.model AND p.prompt_version = l.prompt_version
WHERE
  l.env = 'local' AND p.env = 'production'
ORDER BY
  ABS(p.p - l.p) DESC,
  l.claim,
  l.claim_hash,
  l.model,
  l.prompt_version;

-- name: reruns
-- Runs that were executed more than once, by env, and how far their answers lie apart; each execution once.
SELECT
  env,
  run_id,
  MIN(claim) AS claim,
  model,
  prompt_version,
  COUNT(*) AS executions,
  MIN(dt) AS first_day,
  MAX(dt) AS last_day,
  ROUND(MIN(prob_true_rpl), 4) AS lowest_p,
  ROUND(MAX(prob_true_rpl), 4) AS highest_p,
  ROUND(MAX(prob_true_rpl) - MIN(prob_true_rpl), 4) AS spread
FROM executions
GROUP BY
  env,
  run_id,
  model,
  prompt_version
HAVING
  COUNT(*) > 1
ORDER BY
  MAX(prob_true_rpl) - MIN(prob_true_rpl) DESC,
  env,
  run_id,
  model,
  prompt_version;
