import type { ParquetValue } from "./parquet.ts";

/** A value in its three forms. */
export interface FieldSample {
  /** SQL literal, to be cast to the type. */
  readonly sql: string;
  /** Bytes of the field in a COPY BINARY tuple, in hexadecimal; null for NULL. */
  readonly hex: string | null;
  /** The value as the second reader gives it. */
  readonly value: ParquetValue;
}

const NULL: FieldSample = { sql: "null", hex: null, value: null };

function sample([sql, hex, value]: readonly [string, string, ParquetValue]): FieldSample {
  return { sql: `'${sql.replaceAll("'", "''")}'`, hex, value };
}

/** Samples of each Postgres type that a dataset can have: NULL, plain, extreme. Bytes are those that Postgres 16 sent. */
export const FIELD_SAMPLES: Readonly<Record<string, readonly FieldSample[]>> = {
  uuid: [
    NULL,
    ...([
      [
        "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11",
        "a0eebc999c0b4ef8bb6d6bb9bd380a11",
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
      ],
      [
        "00000000-0000-0000-0000-000000000000",
        "00000000000000000000000000000000",
        "00000000-0000-0000-0000-000000000000",
      ],
      [
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "ffffffffffffffffffffffffffffffff",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
      ],
    ] as const).map(sample),
  ],
  text: [
    NULL,
    ...([
      ["plain", "706c61696e", "plain"],
      ["", "", ""],
      [`"a';\n\r\t\\`, "2261273b0a0d095c", `"a';\n\r\t\\`],
      ["Zürich 😀 日本", "5ac3bc7269636820f09f988020e697a5e69cac", "Zürich 😀 日本"],
      ["\uFEFF", "efbbbf", "\uFEFF"],
      [
        "a text of more than forty bytes is copied",
        bytesOf("a text of more than forty bytes is copied"),
        "a text of more than forty bytes is copied",
      ],
    ] as const).map(sample),
  ],
  bigint: [
    NULL,
    ...([
      ["42", "000000000000002a", 42n],
      ["-1", "ffffffffffffffff", -1n],
      ["9223372036854775807", "7fffffffffffffff", 9223372036854775807n],
      ["-9223372036854775808", "8000000000000000", -9223372036854775808n],
    ] as const).map(sample),
  ],
  integer: [
    NULL,
    ...([
      ["42", "0000002a", 42],
      ["-1", "ffffffff", -1],
      ["2147483647", "7fffffff", 2147483647],
      ["-2147483648", "80000000", -2147483648],
    ] as const).map(sample),
  ],
  "double precision": [
    NULL,
    ...([
      ["0.1", "3fb999999999999a", 0.1],
      ["-0", "8000000000000000", -0],
      ["5e-324", "0000000000000001", 5e-324],
      ["-1.7976931348623157e308", "ffefffffffffffff", -Number.MAX_VALUE],
      ["NaN", "7ff8000000000000", NaN],
      ["Infinity", "7ff0000000000000", Infinity],
      ["-Infinity", "fff0000000000000", -Infinity],
    ] as const).map(sample),
  ],
  boolean: [NULL, ...([["true", "01", true], ["false", "00", false]] as const).map(sample)],
  timestamptz: [
    NULL,
    ...([
      ["2025-08-29 12:34:56.789012+00", "0002e07f04a4a614", 1756470896789012n],
      ["1969-12-31 23:59:59.999999+00", "fffca2fec4c81fff", -1n],
      ["1970-01-01 00:00:00+00", "fffca2fec4c82000", 0n],
      ["2000-01-01 00:00:00+00", "0000000000000000", 946684800000000n],
      ["0001-01-01 00:00:00+00", "ff1fe2ffc59c6000", -62135596800000000n],
      ["9999-12-31 23:59:59.999999+00", "0380e70b913b7fff", 253402300799999999n],
    ] as const).map(sample),
  ],
  date: [
    NULL,
    ...([
      ["2025-08-29", "0000249c", 20329],
      ["1969-12-31", "ffffd532", -1],
      ["1970-01-01", "ffffd533", 0],
      ["2000-01-01", "00000000", 10957],
      ["0001-01-01", "fff4dbf9", -719162],
      ["9999-12-31", "002c95d3", 2932896],
    ] as const).map(sample),
  ],
  "numeric(20,0)": [
    NULL,
    ...([
      ["42", "0001000000000000002a", 42n],
      ["0", "0000000000000000", 0n],
      ["10000", "00010001000000000001", 10000n],
      ["9223372036854775808", "0005000400000000039a0d2c0170156516b0", 9223372036854775808n],
      ["18446744073709551615", "000500040000000007341a5802e103bb064f", 18446744073709551615n],
      ["99999999999999999999", "0005000400000000270f270f270f270f270f", 99999999999999999999n],
      ["-99999999999999999999", "0005000440000000270f270f270f270f270f", -99999999999999999999n],
    ] as const).map(sample),
  ],
  "numeric(12,6)": [
    NULL,
    ...([
      ["1.5", "000200000000000600011388", 1500000n],
      ["0", "0000000000000006", 0n],
      ["0.000001", "0001fffe000000060064", 1n],
      ["-0.012345", "0002ffff40000006007b1194", -12345n],
      ["999999.999999", "00040001000000060063270f270f26ac", 999999999999n],
      ["-999999.999999", "00040001400000060063270f270f26ac", -999999999999n],
      ["100000", "0001000100000006000a", 100000000000n],
    ] as const).map(sample),
  ],
};

function bytesOf(text: string): string {
  return new TextEncoder().encode(text).toHex();
}
