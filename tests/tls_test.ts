import assert from "node:assert/strict";
import { join } from "node:path";
import type { TaskError } from "../tasks/lib/task/errors.ts";
import { closeConnection, connect } from "../tasks/lib/postgres/connection.ts";
import { certificateFile, parseDatabaseUrl } from "../tasks/lib/task/target.ts";
import { createAuthority, opensslTest } from "./support/certificates.ts";
import { type Cluster, type Settings, startCluster } from "./support/cluster.ts";
import { type CommandResult, runCommand } from "./support/command.ts";

/** URL of a server's superuser by one of its names or addresses, with TLS unless `query` says otherwise. */
function urlAt({ url }: Cluster, host: string, query = "sslmode=verify-full"): string {
  const at = new URL(`${url}?${query}`);
  at.hostname = host;
  return at.href;
}

async function restart(cluster: Cluster, settings: Settings): Promise<void> {
  await cluster.stop();
  await cluster.start(settings);
}

/** TLS version of a session on a server by a name or address, with the authorities of a file. */
async function tlsVersionAt(cluster: Cluster, host: string, authorities?: string): Promise<string> {
  const file = authorities === undefined ? undefined : certificateFile(authorities, "DATABASE_CA");
  const sql = await connect(parseDatabaseUrl(urlAt(cluster, host), file));
  const [{ version }] = await sql`select version from pg_stat_ssl where pid = pg_backend_pid()`;
  await closeConnection(sql);
  return version;
}

opensslTest(
  "connect() takes a server whose certificate is for its name or address, by an authority that is trusted, and no other",
  async () => {
    await using cluster = await startCluster();
    const { path, issue } = await createAuthority(cluster.temporary);
    const other = await createAuthority(cluster.temporary, "other");
    const takes = async (host: string, authorities: string) =>
      assert.match(await tlsVersionAt(cluster, host, authorities), /^TLSv1\.[23]$/);
    const refuses = async (host: string, authorities: string | undefined, finding: string) => {
      await assert.rejects(tlsVersionAt(cluster, host, authorities), (error: TaskError) => {
        const begin = `^Cannot connect to "postgres@${host}\\S*"( \\(port \\d+\\))?: its certificate `;
        assert.deepEqual([error.name, error.exitCode], ["TaskError", 1]);
        assert.equal(error.message.replace(new RegExp(begin), ""), finding);
        return true;
      });
    };

    await restart(cluster, await issue("DNS:localhost"));
    await takes("localhost", path);
    const both = join(cluster.temporary, "both.pem");
    await Deno.writeTextFile(both, await Deno.readTextFile(other.path) + "\n" + await Deno.readTextFile(path));
    await takes("localhost", both);
    const unknown = "is by an authority that is not trusted;";
    const inFile = `put the certificate of its authority into "${other.path}", which DATABASE_CA names`;
    await refuses("localhost", other.path, `${unknown} ${inFile}`);
    const noFile = "name a PEM file with the certificate of its authority in DATABASE_CA";
    await refuses("localhost", undefined, `${unknown} ${noFile}`);
    const remedy = (wanted: string) =>
      `connect to what the certificate is for, or give the server one for this ${wanted}`;
    await refuses("127.0.0.1", path, `is for localhost, not for address 127.0.0.1; ${remedy("address")}`);

    await restart(cluster, await issue("DNS:db.example.com, IP:127.0.0.1"));
    await takes("127.0.0.1", path);
    await refuses("localhost", path, `is for db.example.com, 127.0.0.1, not for name localhost; ${remedy("name")}`);

    await restart(cluster, await issue("DNS:localhost", { days: -1 }));
    await refuses("localhost", path, "has expired; renew it at the server, or correct this machine's clock");
  },
);

opensslTest(
  "a task takes its authorities from sslrootcert, DATABASE_CA and PGSSLROOTCERT, wherever the file is",
  async () => {
    await using cluster = await startCluster();
    const { path, issue } = await createAuthority(cluster.temporary);
    const other = await createAuthority(cluster.temporary, "other");
    await restart(cluster, await issue("DNS:localhost"));
    const check = (env: Readonly<Record<string, string>>, query?: string): Promise<CommandResult> =>
      runCommand("db:check", ["--json"], { env: { DATABASE_URL: urlAt(cluster, "localhost", query), ...env } });
    const inUrl = `sslrootcert=${encodeURIComponent(path)}`;
    const taken = await Promise.all([
      check({ DATABASE_CA: path }),
      check({ PGSSLROOTCERT: path }),
      check({ DATABASE_CA: other.path }, inUrl),
      check({ DENO_CERT: path }, "sslrootcert=system"),
    ]);
    for (const { stdout, stderr } of taken) assert.match(`${JSON.parse(stdout).server?.tls}`, /^TLSv1/, stderr);
    const refused = await check({ DATABASE_CA: path }, "sslrootcert=system");
    assert.match(refused.stderr, /^Cannot connect .* is by an authority that is not trusted; .*\n$/);
  },
);

Deno.test("connect() names a file of authorities that cannot be used, and the setting that names it", async () => {
  const directory = await Deno.makeTempDir();
  const [key, damaged] = [join(directory, "key.pem"), join(directory, "damaged.pem")];
  await Deno.writeTextFile(key, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
  await Deno.writeTextFile(damaged, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  const findings: [string, string][] = [
    [join(directory, "none.pem"), "it cannot be read (NotFound)"],
    [directory, "it cannot be read (IsADirectory)"],
    [key, "it holds no certificate"],
    [damaged, "its certificate 1 is damaged"],
  ];
  for (const [path, finding] of findings) {
    for (const setting of ["DATABASE_CA", "sslrootcert of the database URL"]) {
      const inUrl = setting === "DATABASE_CA" ? "" : `?sslrootcert=${path}`;
      const url = `postgres://me:s3cr3t@db.example.invalid/db${inUrl}`;
      await assert.rejects(connect(parseDatabaseUrl(url, certificateFile(path, "DATABASE_CA")), { waitMs: 0 }), {
        name: "TaskError",
        exitCode: 2,
        message: `Cannot use certificate file "${path}": ${finding}; ` +
          `name a PEM file of the server's authority in ${setting}`,
      });
    }
  }
  await Deno.remove(directory, { recursive: true });
});

opensslTest("connect() says how to come in where a local server wants TLS", async () => {
  await using cluster = await startCluster();
  const { path, issue } = await createAuthority(cluster.temporary);
  const admitted = join(cluster.temporary, "pg_hba.conf");
  await Deno.writeTextFile(admitted, "hostssl all all 127.0.0.1/32 trust\n");
  await restart(cluster, { ...await issue("DNS:localhost"), hba_file: admitted });
  const inPlain = parseDatabaseUrl(urlAt(cluster, "localhost", ""));
  await assert.rejects(connect(inPlain), (error: Error) => {
    assert.match(error.message, /^Cannot connect .*no encryption; add sslmode=require to the database URL, or let /);
    return true;
  });
  assert.match(await tlsVersionAt(cluster, "localhost", path), /^TLSv1/);
  await Deno.writeTextFile(admitted, "hostnossl all all 127.0.0.1/32 trust\n");
  await restart(cluster, { ...await issue("DNS:localhost"), hba_file: admitted });
  await assert.rejects(tlsVersionAt(cluster, "localhost", path), {
    message: /SSL encryption; let the server's pg_hba.conf admit this user from here$/,
  });
});
