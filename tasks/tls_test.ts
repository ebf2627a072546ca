import assert from "node:assert/strict";
import { createAuthority } from "./testing/certificates.ts";
import { type Cluster, startCluster } from "./testing/cluster.ts";
import { type CommandResult, runCommand } from "./testing/command.ts";

/** Runs `db:check` on a TLS server by a name or address, with an authority trusted or not. */
async function checkAt(cluster: Cluster, host: string, authority?: string): Promise<CommandResult> {
  const url = new URL(`${cluster.url}?sslmode=verify-full`);
  url.hostname = host;
  const env = { DATABASE_URL: url.href, ...(authority ? { DENO_CERT: authority } : {}) };
  return await runCommand("db:check", ["--json"], { env });
}

Deno.test("TLS takes a server whose certificate is for its name or address, by an authority that is trusted, and no other", async () => {
  await using cluster = await startCluster();
  const { path, issue } = await createAuthority(cluster.temporary);
  const refuses = async (host: string, finding: RegExp, authority?: string) => {
    const { code, stdout, stderr } = await checkAt(cluster, host, authority);
    assert.equal(code, 1, stdout);
    assert.match(
      stderr,
      /^Cannot connect to "postgres@[^\n]*; use the host name that the certificate is for; [^\n]*\n$/,
    );
    assert.match(stderr, finding);
  };
  const takes = async (host: string) => {
    const { code, stdout, stderr } = await checkAt(cluster, host, path);
    assert.match(`${JSON.parse(stdout).server.tls}`, /^TLSv1\.[23]$/, `${code}: ${stderr}`);
  };
  await cluster.stop();
  await cluster.start(await issue("DNS:localhost"));
  await takes("localhost");
  await refuses("localhost", /unable to verify the first certificate/);
  await refuses("127.0.0.1", /does not match certificate's altnames/, path);
  await cluster.stop();
  await cluster.start(await issue("DNS:db.example.com, IP:127.0.0.1"));
  await takes("127.0.0.1");
  await refuses("localhost", /does not match certificate's altnames/, path);
});
