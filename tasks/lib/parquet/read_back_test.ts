import assert from "node:assert/strict";
import { columnsOf } from "../../../tests/support/columns.ts";
import { RANDOM_COLUMNS, randomTuples } from "../../../tests/support/random_rows.ts";
import { type ColumnBuffer, createBuffer, WIDTH } from "../copy/column_buffer.ts";
import { decodeTuples } from "../copy/decode.ts";
import { DirectFile } from "./direct_file.ts";
import { type ReadFile, readFile } from "./arrow_reader.ts";
import { expectReadsBack } from "./read_back.ts";

/** Not a multiple of eight: the last bits stand in a byte with others. */
const ROWS = 2501;

const tuples = randomTuples(ROWS, 11);

function decoded(columns = RANDOM_COLUMNS): ColumnBuffer[] {
  const buffers = columns.map(createBuffer);
  assert.equal(decodeTuples(tuples, buffers, { rows: 0 }), ROWS);
  return buffers;
}

/** Reads the file of some buffers back against other ones. */
function readBack(written: readonly ColumnBuffer[], expected: readonly ColumnBuffer[], rows = ROWS): void {
  using found = readFile(new DirectFile().write(written, rows), ROWS);
  expectReadsBack(found, { buffers: expected, rows: ROWS });
}

/** The first and the last row of a buffer where a value is there, or where none is. */
function rowsOf({ validity }: ColumnBuffer, isThere: boolean): number[] {
  const rows = Array.from({ length: ROWS }, (_, row) => row);
  const found = rows.filter((row) => (validity[row >> 3] >> (row & 7) & 1) === (isThere ? 1 : 0));
  return found.length === 0 ? [] : [found[0], found.at(-1)!];
}

/** Expects that a fault in one column is found, and undoes it; undefined where the column cannot have it. */
type Fault = (buffer: ColumnBuffer) => (() => void) | undefined;

function expectFound(fault: Fault): void {
  const written = decoded();
  const expected = decoded();
  let found = 0;
  for (const buffer of written) {
    const undo = fault(buffer);
    if (undo === undefined) continue;
    const { name } = buffer.column;
    assert.throws(() => readBack(written, expected), {
      message: `column "${name}" does not read back as it was written`,
    });
    undo();
    found++;
  }
  assert.ok(found > 5, "few columns could have it");
  readBack(written, expected);
}

Deno.test("expectReadsBack() takes the values that were written", () => {
  readBack(decoded(), decoded());
});

for (const end of [0, 1]) {
  const which = end === 0 ? "the first" : "the last";

  Deno.test(`expectReadsBack() names the column where ${which} value is another one`, () => {
    expectFound((buffer) => {
      const { values, offsets, column: { layout } } = buffer;
      const filled = rowsOf(buffer, true).filter((row) => WIDTH[layout] > 0 || offsets[row + 1] > offsets[row]);
      if (filled.length <= end) return undefined;
      const row = filled[end];
      const bit = WIDTH[layout] === 0 ? 8 * offsets[row] : 8 * WIDTH[layout] * row;
      const flip = () => void (values[bit >> 3] ^= 1 << (bit & 7));
      flip();
      return flip;
    });
  });

  Deno.test(`expectReadsBack() names the column where ${which} value is NULL`, () => {
    expectFound((buffer) => {
      // The bytes of a text cannot go with it.
      const row = WIDTH[buffer.column.layout] === 0 ? undefined : rowsOf(buffer, true)[end];
      return row === undefined ? undefined : setNull(buffer, row, true);
    });
  });

  Deno.test(`expectReadsBack() names the column where ${which} NULL is a value`, () => {
    expectFound((buffer) => {
      const row = rowsOf(buffer, false)[end];
      return row === undefined ? undefined : setNull(buffer, row, false);
    });
  });
}

/** Makes a value a NULL or a NULL a value, and gives the way back. */
function setNull(buffer: ColumnBuffer, row: number, isNull: boolean): () => void {
  const flip = (nulls: number) => {
    buffer.nulls += nulls;
    buffer.validity[row >> 3] ^= 1 << (row & 7);
  };
  flip(isNull ? 1 : -1);
  return () => flip(isNull ? -1 : 1);
}

Deno.test("expectReadsBack() finds a byte that has moved from one text to the next", () => {
  const written = decoded();
  const moved =
    written.find(({ column, nulls, offsets }) => column.name.startsWith("uuid") && nulls === 0 && offsets[ROWS] > 0) ??
      written.find(({ column }) => column.name === "source")!;
  moved.offsets[1]--;
  assert.throws(() => readBack(written, decoded()), /does not read back as it was written$/);
});

Deno.test("expectReadsBack() counts: a row too few, a row too many, none at all", () => {
  for (const rows of [ROWS - 1, ROWS + 1]) {
    const written = RANDOM_COLUMNS.map(createBuffer);
    decodeTuples(randomTuples(rows, 11), written, { rows: 0 });
    assert.throws(
      () => readBack(written, decoded(), rows),
      new RegExp(`^Error: ${rows} of 2501 written rows read back$`),
    );
  }
  using found = readFile(new DirectFile().write(decoded(), ROWS), ROWS);
  const [first, ...others] = found.columns;
  const strays: Partial<ReadFile>[] = [{ rows: 0 }, { columns: [{ ...first, rows: ROWS - 1 }, ...others] }];
  for (const stray of strays) {
    assert.throws(() => expectReadsBack({ ...found, ...stray }, { buffers: decoded(), rows: ROWS }), /read back/);
  }
});

Deno.test("expectReadsBack() refuses other columns and other types", () => {
  const buffersOf = (columns: Readonly<Record<string, string>>) => columnsOf(columns).map(createBuffer);
  const empty = (buffers: ColumnBuffer[]) => {
    buffers.forEach((buffer) =>
      Object.assign(buffer, { nulls: 1, validity: new Uint8Array(1), offsets: new Int32Array(2) })
    );
    return buffers;
  };
  using found = readFile(new DirectFile().write(empty(buffersOf({ a: "bigint", b: "numeric(12,6)" })), 1), 1);
  const expectColumns = (columns: Readonly<Record<string, string>>) =>
    expectReadsBack(found, { buffers: empty(buffersOf(columns)), rows: 1 });
  expectColumns({ a: "bigint", b: "numeric(12,6)" });
  const others: readonly Readonly<Record<string, string>>[] = [
    { a: "bigint" },
    { a: "bigint", c: "numeric(12,6)" },
    { a: "bigint", b: "numeric(12,5)" },
    { a: "bigint", b: "numeric(13,6)" },
    { a: "timestamptz", b: "numeric(12,6)" },
    { b: "numeric(12,6)", a: "bigint" },
  ];
  for (const other of others) {
    assert.throws(() => expectColumns(other), { message: "other columns or types read back" });
  }
});
