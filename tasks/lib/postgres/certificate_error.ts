import type { ServerTarget } from "../task/target.ts";

/** What is wrong with a server's certificate, and what to do, as in `Cannot connect to <server>: <finding>; <remedy>`. */
export type CertificateFinding = Readonly<Record<"finding" | "remedy", string>>;

/** The certificate of a server, as far as Node's error has it. */
interface ServerCertificate {
  readonly subject?: { readonly CN?: string };
  readonly subjectaltname?: string;
}

/** Codes for a chain of certificates that ends in none that is trusted. */
const UNKNOWN_AUTHORITY = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

/** What an error says of the server's certificate; undefined for an error of anything else. */
export function findInCertificate(
  error: unknown,
  { host, authorities }: Pick<ServerTarget, "host" | "authorities">,
): CertificateFinding | undefined {
  const { code = "", message, cert = {} } = error as Partial<Error> & { code?: string; cert?: ServerCertificate };
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    const wanted = /^[\d.]+$|:/.test(host) ? "address" : "name";
    return {
      finding: `its certificate is for ${namesOf(cert)}, not for ${wanted} ${host}`,
      remedy: `connect to what the certificate is for, or give the server one for this ${wanted}`,
    };
  }
  if (code === "CERT_HAS_EXPIRED") {
    return {
      finding: "its certificate has expired",
      remedy: "renew it at the server, or correct this machine's clock",
    };
  }
  if (UNKNOWN_AUTHORITY.has(code)) {
    const finding = "its certificate is by an authority that is not trusted";
    if (authorities === undefined) {
      return { finding, remedy: "name a PEM file with the certificate of its authority in DATABASE_CA" };
    }
    const { path, setting } = authorities;
    return { finding, remedy: `put the certificate of its authority into "${path}", which ${setting} names` };
  }
  if (!/CERT/.test(code)) return undefined;
  return {
    finding: `its certificate is refused (${message})`,
    remedy: "look at the server's certificate, and at this machine's clock",
  };
}

/** So that a certificate for hundreds of names does not fill the screen. */
const MAX_NAMES = 5;

function namesOf({ subject, subjectaltname }: ServerCertificate): string {
  const named = [...(subjectaltname ?? "").matchAll(/(?:DNS|IP Address):([^,]+)/g)].map(([, name]) => name);
  const names = named.length > 0 ? named : [subject?.CN ?? "no name"];
  return names.slice(0, MAX_NAMES).join(", ") + (names.length > MAX_NAMES ? ", ..." : "");
}
