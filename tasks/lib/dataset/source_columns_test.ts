import assert from "node:assert/strict";
import { createTestDatabase } from "../../../tests/support/database.ts";
import { parseDataset } from "./dataset.ts";
import { checkSourceColumns } from "./source_columns.ts";

const HEAD = "-- table: public.checks\n-- day: created_at\n-- key: id\n-- label: id row\n-- sort: created_at, id\n";

const SELECT = `${HEAD}select
  c.id::uuid as id,
  c."K"::bigint as "K",
  c.created_at::timestamptz as created_at,
  c.claim::text as claim,
  encode(sha256(convert_to(c.anon_token, 'UTF8')), 'hex')::text as anon_token,
  null::text as execution_id
from public.checks as c`;

const COLUMNS = {
  id: "uuid",
  K: "bigint",
  created_at: "timestamp with time zone",
  claim: "character varying(64)",
  anon_token: "character varying(64)",
};

function check(changes: Readonly<Record<string, string | undefined>>): void {
  const columns = Object.entries({ ...COLUMNS, ...changes }).flatMap(([name, type]) => type ? [{ name, type }] : []);
  checkSourceColumns(parseDataset("checks", "checks.postgres.sql", SELECT), columns);
}

Deno.test("checkSourceColumns() takes a table that has what the dataset reads, and more", () => {
  check({});
  check({ more: "point", anon_token: "text" });
});

Deno.test("checkSourceColumns() names every column that is missing, those within an expression too", () => {
  assert.throws(() => check({ K: undefined, anon_token: undefined, claim: "bytea" }), {
    name: "TaskError",
    message: 'Cannot export "checks": the table lacks K, anon_token; run deno task migrate',
  });
});

Deno.test("checkSourceColumns() names every column of a type that could change its values, found and expected", () => {
  assert.throws(() => check({ K: "numeric(20,0)", claim: "bytea" }), {
    name: "TaskError",
    message: 'Cannot export "checks": column "K" has type numeric(20,0), not bigint, column "claim" has type bytea, ' +
      "not text; give it that type in a migration, or cast it in sql/export/checks.postgres.sql",
  });
});

/** Per type of a dataset: source types with extreme values that must arrive, and types with a value that would not. */
const PAIRS: Readonly<Record<string, { exact: Record<string, string[]>; other: string[] }>> = {
  text: {
    exact: {
      "text": ["'é  '", "''"],
      "varchar(8)": ["' a  '"],
      "varchar": ["' a '"],
      "json": [`'{"a" :  1.0, "a": 2}'`],
      "jsonb": [`'{"a": 1.0}'`],
    },
    other: ["character(8)", "bytea", "numeric", "integer", "uuid", "boolean", "timestamptz", "xml", "text[]", "name"],
  },
  uuid: { exact: { uuid: ["'ffffffff-ffff-ffff-ffff-ffffffffffff'"] }, other: ["text", "varchar(36)", "bytea"] },
  bigint: {
    exact: { bigint: ["9223372036854775807"], integer: ["-2147483648"], smallint: ["-32768"] },
    other: ["numeric", "numeric(20,0)", "double precision", "real", "text", "boolean"],
  },
  integer: {
    exact: { integer: ["2147483647"], smallint: ["32767"] },
    other: ["bigint", "numeric(3,0)", "real", "text"],
  },
  "numeric(20,0)": {
    exact: {
      "numeric(20,0)": ["18446744073709551615"],
      "numeric(30,0)": ["18446744073709551615"],
      "numeric(5,-2)": ["1234500"],
      "bigint": ["-9223372036854775808"],
      "integer": ["1"],
      "smallint": ["1"],
    },
    other: ["numeric", "numeric(20,1)", "double precision", "real", "text"],
  },
  "numeric(12,6)": {
    exact: { "numeric(12,6)": ["999999.999999"], "numeric(4,2)": ["12.34"], "integer": ["7"] },
    other: ["numeric(12,7)", "numeric", "double precision", "money"],
  },
  "double precision": {
    exact: {
      "double precision": ["0.1", "'NaN'", "'-Infinity'", "5e-324"],
      "real": ["0.1", "'Infinity'"],
      "integer": ["2147483647"],
      "smallint": ["1"],
    },
    other: ["bigint", "numeric", "numeric(12,6)", "text"],
  },
  boolean: { exact: { boolean: ["true"] }, other: ["integer", "text", "bit(1)"] },
  date: { exact: { date: ["'0001-01-01'", "'9999-12-31'"] }, other: ["timestamp", "timestamptz", "text", "integer"] },
  timestamptz: {
    exact: { "timestamptz": ["'2025-09-01 00:00:00.000001+00'"], "timestamptz(3)": ["'2025-09-01 00:00:00.001+00'"] },
    other: ["timestamp", "date", "text", "bigint"],
  },
};

Deno.test("checkSourceColumns() takes types whose values a real cast keeps, and no others", async () => {
  await using database = await createTestDatabase();
  const { sql } = database;
  for (const [wanted, { exact, other }] of Object.entries(PAIRS)) {
    const lines = ["id::uuid as id", "created_at::timestamptz as created_at", `value::${wanted} as value`];
    const select = `${HEAD}select\n${lines.map((line) => `  c.${line}`).join(",\n")}\nfrom public.checks as c`;
    const dataset = parseDataset("checks", "checks.postgres.sql", select);
    for (const type of [...Object.keys(exact), ...other]) {
      await sql.unsafe(
        `drop table if exists checks; create table checks (id uuid, created_at timestamptz, value ${type})`,
      );
      const columns = await sql<{ name: string; type: string }[]>`
        select attname as name, format_type(atttypid, atttypmod) as type
        from pg_attribute where attrelid = 'checks'::regclass and attnum > 0`;
      if (other.includes(type)) {
        const finding = `column "value" has type ${columns[2].type}, not ${wanted}`;
        assert.throws(
          () => checkSourceColumns(dataset, columns),
          (error: Error) => error.message.includes(finding),
          type,
        );
        continue;
      }
      checkSourceColumns(dataset, columns);
      for (const value of exact[type]) {
        await sql.unsafe(`truncate checks; insert into checks (value) values (${value})`);
        const back = type.startsWith("json") ? "text" : type;
        const query = `select value::${wanted}::${back}::text = value::text as same from checks`;
        const [{ same }] = await sql.unsafe(query);
        assert.equal(same, true, `${type} ${value} as ${wanted}`);
      }
    }
  }
});
