/** DuckDB's code, compiled once for all threads. It is apart from duckdb.ts so that the main thread does not load the library. */
export async function compileDuckDb(): Promise<WebAssembly.Module> {
  return await WebAssembly.compileStreaming(fetch(import.meta.resolve("@duckdb/duckdb-wasm/dist/duckdb-eh.wasm")));
}
