import type { StoreTarget } from "../../tasks/lib/task/store_target.ts";

/** Reads the newest version of a table again and again, and prints version and rows of each as a line of JSON, until its
 * standard input ends. */
const SCRIPT = `
import json, os, sys, threading
import deltalake
over = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
while not over.is_set():
    try:
        table = deltalake.DeltaTable(sys.argv[1], storage_options=json.loads(os.environ["STORE"]))
    except deltalake.exceptions.TableNotFoundError:
        continue
    rows = table.to_pyarrow_dataset().to_table(columns=["dt", "run_id", "claim"]).to_pylist()
    lines = sorted(f"{row['dt']} {row['run_id']} {row['claim']}" for row in rows)
    print(json.dumps({"generation": table.version() + 1, "lines": lines}), flush=True)
# Its threads abort now and then where the interpreter takes itself apart.
os._exit(0)
`;

/** What a Delta reader sees. */
export interface DeltaLook {
  /** Which commit. */
  readonly generation: number;
  /** A line a row: day, run and claim. */
  readonly lines: readonly string[];
}

/** Every look of delta-rs, the reader of Python's deltalake, at a table, until `over` says so. */
export async function* lookByDeltaRs(
  python: string,
  { endpoint, bucket, prefix, region, credentials }: StoreTarget,
  { lane, over }: { readonly lane: string; readonly over: AbortSignal },
): AsyncGenerator<DeltaLook> {
  const child = new Deno.Command(python, {
    args: ["-c", SCRIPT, `s3://${bucket}/${prefix}/${lane}`],
    env: {
      STORE: JSON.stringify({
        AWS_ENDPOINT_URL: endpoint,
        AWS_REGION: region,
        AWS_ACCESS_KEY_ID: credentials.accessKeyId,
        AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
        AWS_SESSION_TOKEN: credentials.sessionToken ?? "",
        AWS_ALLOW_HTTP: "true",
      }),
    },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stderr = new Response(child.stderr).text();
  const closed = Promise.withResolvers<void>();
  const close = () => child.stdin.close().catch(() => {}).then(closed.resolve);
  over.addEventListener("abort", close, { once: true });
  let rest = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) yield JSON.parse(line);
  }
  const { success } = await child.status;
  if (!over.aborted) close();
  await closed.promise;
  if (!success) throw new Error(`delta-rs failed: ${(await stderr).slice(-2000)}`);
}
