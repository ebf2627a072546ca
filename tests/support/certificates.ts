import { basename, join } from "node:path";
import { SERVER_USER, type Settings } from "./cluster.ts";

/** A certificate authority that only those trust who are told its file. */
export interface Authority {
  /** Its certificate, for DATABASE_CA. */
  readonly path: string;
  /** Settings of a server with a certificate for subject names like `DNS:localhost, IP:127.0.0.1`. */
  issue(subjectNames: string, validity?: Validity): Promise<Settings>;
}

/** Until when a certificate holds. */
export interface Validity {
  /** From now on; negative for one that has expired. */
  readonly days: number;
}

const hasOpenssl = await openssl(["version"]).then(() => true, () => false);

/** A test that makes certificates; left out, and its name says so, where the openssl command line is not installed. */
export function opensslTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: hasOpenssl ? name : `${name} (ignored: openssl is not installed)`, ignore: !hasOpenssl, fn });
}

/** Makes an authority in a directory, with openssl; its certificates hold for a day unless told otherwise. */
export async function createAuthority(directory: string, name = "authority"): Promise<Authority> {
  const [authority, authorityKey] = [join(directory, `${name}.pem`), join(directory, `${name}.key`)];
  await certify({
    certificate: authority,
    key: authorityKey,
    extensions: ["basicConstraints=critical,CA:TRUE"],
    signer: ["-signkey", authorityKey],
  });
  let issued = 0;
  return {
    path: authority,
    async issue(subjectNames, validity) {
      const stem = join(directory, `${name}-${++issued}`);
      const [certificate, key] = [`${stem}.pem`, `${stem}.key`];
      const extensions = ["basicConstraints=critical,CA:FALSE", `subjectAltName=${subjectNames}`];
      const signer = ["-CA", authority, "-CAkey", authorityKey, "-CAcreateserial"];
      await certify({ certificate, key, extensions, signer, ...validity });
      // A key that others may read is refused, but one of root's and the server's group is not.
      await Deno.chmod(key, 0o640);
      if (SERVER_USER.gid) await Deno.chown(key, null, SERVER_USER.gid);
      return { ssl: "on", ssl_cert_file: certificate, ssl_key_file: key };
    },
  };
}

interface Request extends Partial<Validity> {
  readonly certificate: string;
  readonly key: string;
  readonly extensions: readonly string[];
  readonly signer: readonly string[];
}

/** Makes a key, and has its certificate signed. */
async function certify({ certificate, key, extensions, signer, days = 1 }: Request): Promise<void> {
  const [request, added] = [`${certificate}.request`, `${certificate}.extensions`];
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  await openssl(["req", "-new", "-subj", `/CN=${basename(certificate)}`, ...curve, "-keyout", key, "-out", request]);
  await Deno.writeTextFile(added, extensions.join("\n"));
  const validity = ["-days", `${days}`, "-extfile", added];
  await openssl(["x509", "-req", "-in", request, ...signer, ...validity, "-out", certificate]);
}

async function openssl(args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("openssl", { args }).output();
  if (!success) throw new Error(`openssl failed: ${new TextDecoder().decode(stderr)}`);
}
