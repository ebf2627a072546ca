import assert from "node:assert/strict";
import { columnsOf } from "../../../tests/support/columns.ts";
import { formatMark, hasColumnsOf, markOfFile } from "./file_mark.ts";
import { footerOf, formatFooter, type ParquetFooter } from "./footer.ts";
import { THRIFT, type ThriftStruct } from "./thrift.ts";

/** A footer with these columns and this metadata. */
function footerWith(columns: readonly string[], metadata: ReadonlyMap<string, string>): ParquetFooter {
  const elements = columns.map((name): ThriftStruct =>
    new Map([[4, { type: THRIFT.binary, value: new TextEncoder().encode(name) }]])
  );
  const schema = { type: THRIFT.list, value: { type: THRIFT.struct, items: elements } };
  return footerOf(formatFooter({ struct: new Map([[2, schema]]), groups: [] }, [], metadata));
}

const MARK = formatMark({ dataset: "checks", redacted: ["user_id", "claim"] });

const markOf = (metadata: ReadonlyMap<string, string>) => markOfFile(footerWith([], metadata));

Deno.test("markOfFile() gives what formatMark() was given, redactions in order", () => {
  assert.deepEqual(markOf(MARK), { dataset: "checks", redacted: ["claim", "user_id"] });
  assert.deepEqual(markOf(formatMark({ dataset: "checks", redacted: [] })), { dataset: "checks", redacted: [] });
});

Deno.test("markOfFile() relies on no mark of another format, and on none that is damaged", () => {
  const others = [["heretix.format", "1"], ["heretix.format", "3"]];
  for (const redacted of ["", "claim", "null", "{}", "[1]", '["claim"']) others.push(["heretix.redacted", redacted]);
  for (const [key, value] of others) assert.equal(markOf(new Map([...MARK, [key, value]])), undefined, value);
  for (const key of MARK.keys()) assert.equal(markOf(new Map([...MARK].filter(([name]) => name !== key))), undefined);
  assert.equal(markOf(new Map()), undefined);
});

Deno.test("hasColumnsOf() takes a file of fewer columns, of no others, and never without those that all have had", () => {
  const first = ["run_id", "created_at", "execution_id", "source"];
  const columns = columnsOf(Object.fromEntries([...first, "claim", "mode"].map((name) => [name, "text"])));
  const has = (names: readonly string[]) => hasColumnsOf(footerWith(names, new Map()), { columns, sort: first });
  assert.ok(has(first) && has([...first, "claim"]) && has(["mode", ...first, "claim"]));
  assert.ok(!has([...first, "mine"]));
  for (const name of first) assert.ok(!has([...first, "claim"].filter((other) => other !== name)), name);
});
