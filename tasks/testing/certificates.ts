import { basename, join } from "node:path";
import { SERVER_USER, type Settings } from "./cluster.ts";

/** A certificate authority that only those trust who are told its file. */
export interface Authority {
  /** Its certificate, for DENO_CERT. */
  readonly path: string;
  /** Settings of a server with a certificate for subject names like `DNS:localhost, IP:127.0.0.1`. */
  issue(subjectNames: string): Promise<Settings>;
}

/** Makes an authority in a directory, with openssl; its certificates hold for a day. */
export async function createAuthority(directory: string): Promise<Authority> {
  const [authority, authorityKey] = [join(directory, "authority.pem"), join(directory, "authority.key")];
  await certify({ certificate: authority, key: authorityKey, extensions: ["basicConstraints=critical,CA:TRUE"] });
  let issued = 0;
  return {
    path: authority,
    async issue(subjectNames) {
      const [certificate, key] = [`server${++issued}.pem`, `server${issued}.key`].map((name) => join(directory, name));
      const extensions = ["basicConstraints=critical,CA:FALSE", `subjectAltName=${subjectNames}`];
      await certify({ certificate, key, extensions, signer: ["-CA", authority, "-CAkey", authorityKey] });
      // A key that others may read is refused, but one of root's and the server's group is not.
      await Deno.chmod(key, 0o640);
      if (SERVER_USER.gid) await Deno.chown(key, null, SERVER_USER.gid);
      return { ssl: "on", ssl_cert_file: certificate, ssl_key_file: key };
    },
  };
}

interface Request {
  readonly certificate: string;
  readonly key: string;
  readonly extensions: readonly string[];
  readonly signer?: readonly string[];
}

async function certify({ certificate, key, extensions, signer = [] }: Request): Promise<void> {
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const added = extensions.flatMap((extension) => ["-addext", extension]);
  const { success, stderr } = await new Deno.Command("openssl", {
    args: [
      "req",
      "-x509",
      "-days",
      "1",
      "-subj",
      `/CN=${basename(certificate)}`,
      ...curve,
      ...signer,
      ...added,
      "-keyout",
      key,
      "-out",
      certificate,
    ],
  }).output();
  if (!success) throw new Error(`openssl failed: ${new TextDecoder().decode(stderr)}`);
}
