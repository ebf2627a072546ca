/** A value at the edge of its type, in a row of its own. */
export interface Extreme {
  /** As it is called in the table. */
  readonly what: string;
  /** Column of `checks` that has it; the others of its row are plain. */
  readonly column: string;
  /** Its expression in Postgres. */
  readonly sql: string;
}

/** What every writer has to write. */
export const PLAIN: Extreme = { what: "plain text", column: "claim", sql: "'plain'" };

/** Values that a Parquet column of the right type holds exactly. */
export const HOLDABLE: readonly Extreme[] = [
  { what: "seed of 20 digits", column: "seed", sql: "18446744073709551615" },
  { what: "seed of 19 digits", column: "bootstrap_seed", sql: "9007199254740993001" },
  { what: "cost with 6 decimals", column: "cost_usd", sql: "123456.654321" },
  { what: "least cost", column: "cost_usd", sql: "0.000001" },
  { what: "bigint beyond 2^53", column: "max_output_tokens", sql: "9007199254740993" },
  { what: "double of 17 digits", column: "median_age_days", sql: "0.1::float8 + 0.2::float8" },
  { what: "double -0", column: "median_age_days", sql: "'-0'" },
  { what: "smallest double", column: "median_age_days", sql: "'5e-324'" },
  { what: "double NaN", column: "template_iqr_logit", sql: "'NaN'" },
  { what: "double Infinity", column: "template_iqr_logit", sql: "'Infinity'" },
  { what: "microseconds", column: "finished_at", sql: "'2025-09-01 12:00:00.123457+00'" },
  { what: "year 1", column: "finished_at", sql: "'0001-01-01 00:00:00.000001+00'" },
  { what: "year 9999", column: "finished_at", sql: "'9999-12-31 23:59:59.999999+00'" },
  { what: "NULL text", column: "claim", sql: "null" },
  { what: "empty text", column: "claim", sql: "''" },
  { what: "text 'NULL'", column: "claim", sql: "'NULL'" },
  { what: "text of 1 MB", column: "claim", sql: "repeat('0123456789abcdef', 65536)" },
  { what: "quotes and line ends", column: "claim", sql: `E'a "b"\\r\\n\\t, \\\\ \\u0001 \\U0001F9EA e\\u0301'` },
  { what: "JSON as it was written", column: "config_json", sql: `'{"s": 1, "s":  18446744073709551615}'` },
  { what: "NULL boolean", column: "resolved_flag", sql: "null" },
  { what: "UUID", column: "request_id", sql: "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'" },
];

/** Values that no Parquet column of the right type holds: there is nothing better than to stop. */
export const UNHOLDABLE: readonly Extreme[] = [
  { what: "numeric NaN", column: "cost_usd", sql: "'NaN'" },
  { what: "infinite timestamp", column: "finished_at", sql: "'infinity'" },
];

/** The statements that leave these rows alone in the table, each with its number as run_id. */
export function insertExtremes(extremes: readonly Extreme[]): string {
  const rows = extremes.map(({ column, sql }, index) =>
    `insert into checks (id, run_id, env, model, prompt_version, "K", "R", created_at, ${column})
     values (gen_random_uuid(), '${index}', 'local', 'gpt-5', 'v1', 8, 2, '2025-09-01 12:00:00+00', ${sql});`
  );
  // Rows that others point to are not needed: the session leaves foreign keys unchecked.
  return `set session_replication_role = replica; truncate checks; ${rows.join("\n")}`;
}
