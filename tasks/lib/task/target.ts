/** Names of the environments a task can be pointed at. */
export const ENVIRONMENTS = ["local", "staging", "prod"] as const;

/** One of the environments. */
export type Environment = (typeof ENVIRONMENTS)[number];

/** Who vouches for servers' certificates, in place of those whom Deno trusts by itself: the path of a PEM file, and the
 * setting that names it, as it is printed. */
export type CertificateFile = Readonly<Record<"path" | "setting", string>>;

/** A Postgres server and database, ready to connect to. */
export interface ServerTarget {
  /** Tells the two kinds of target apart. */
  readonly kind: "server";
  /** Name or address of the server. */
  readonly host: string;
  /** Its port. */
  readonly port: number;
  /** Role to log in as. */
  readonly user: string;
  /** Its password; never printed. */
  readonly password: string;
  /** Name of the database. */
  readonly database: string;
  /** Whether TLS with certificate check is used. */
  readonly tls: boolean;
  /** The authorities that count for the certificate; undefined for those whom Deno trusts by itself. */
  readonly authorities?: CertificateFile;
  /** Whether the URL requires channel binding, which this client does not do. */
  readonly channelBinding?: boolean;
  /** Whether the host is this machine. */
  readonly local: boolean;
  /** user@host:port/database, the only form that is ever printed. */
  readonly label: string;
}

/** The embedded database: PGlite in a directory. */
export interface EmbeddedTarget {
  /** Tells the two kinds of target apart. */
  readonly kind: "embedded";
  /** Where its files are. */
  readonly directory: string;
  /** It is always on this machine. */
  readonly local: true;
  /** How it is named in what is printed. */
  readonly label: string;
}

/** Where a task's database is. */
export type Target = ServerTarget | EmbeddedTarget;

/** The finding of a database URL that cannot be used; its message never holds any part of the URL's secrets. */
export class TargetError extends Error {
  /** Always "TargetError". */
  override readonly name = "TargetError";
}

/** Whether a host name is this machine by itself, without asking a resolver: names and spellings of addresses that only a
 * resolver understands (127.1, localhost.) are not. */
export function isLocalHost(host: string): boolean {
  if (host === "localhost" || host === "::1") return true;
  return /^127(\.(0|[1-9]\d{0,2})){3}$/.test(host) && host.split(".").every((part) => Number(part) <= 255);
}

/** Host of the direct endpoint behind a pooled Neon host, or undefined where the host is not pooled. */
export function directHostOf(host: string): string | undefined {
  const match = /^([a-z0-9-]+)-pooler(\..+)$/.exec(host);
  return match ? match[1] + match[2] : undefined;
}

/** The target that a database URL names.
 *
 * Accepts postgres://, postgresql:// and SQLAlchemy's postgresql+psycopg://. Of the query only sslmode, sslrootcert and
 * channel_binding count; what other drivers put there is ignored. Hosts that are not local always get TLS, and TLS is
 * always with certificate check. `authorities` count where the URL has no sslrootcert.
 *
 * Errors: TargetError on anything that is not such a URL, on one that another driver would take elsewhere than its label
 * says, and on an sslmode that is unknown, or plain where TLS is needed.
 */
export function parseDatabaseUrl(text: string, authorities?: CertificateFile): ServerTarget {
  const url = parseUrl(text);
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1").toLowerCase();
  if (host === "") throw new TargetError("it names no host");
  if (host.includes("%")) {
    throw new TargetError("its host is percent-encoded, as a socket's directory is; write a plain name or address");
  }
  refuseDetours(url);
  const database = decode(url.pathname.slice(1));
  if (database === "") throw new TargetError("it names no database");
  if (url.username === "") throw new TargetError("it names no user");
  const local = isLocalHost(host);
  const rootCertificate = url.searchParams.get("sslrootcert") || undefined;
  const tls = parseSslMode(url.searchParams.get("sslmode"), { local, rootCertificate });
  const trusted = rootCertificate ? certificateFile(rootCertificate, "sslrootcert of the database URL") : authorities;
  const user = decode(url.username);
  const port = url.port === "" ? 5432 : Number(url.port);
  return {
    kind: "server",
    host,
    port,
    user,
    password: decode(url.password),
    database,
    tls,
    ...(tls && trusted ? { authorities: trusted } : {}),
    channelBinding: url.searchParams.get("channel_binding") === "require",
    local,
    label: `${inLabel(user)}@${host.includes(":") ? `[${host}]` : host}:${port}/${inLabel(database)}`,
  };
}

/** The file that a setting names; undefined for "system", the word of libpq for no file. */
export function certificateFile(path: string, setting: string): CertificateFile | undefined {
  return path === "system" ? undefined : { path, setting };
}

/** Whether each sslmode means TLS; then always with certificate check, for it is of no use without. */
const SSL_MODES: ReadonlyMap<string, boolean> = new Map([
  ["disable", false],
  ["allow", false],
  ["prefer", false],
  ["require", true],
  ["verify-ca", true],
  ["verify-full", true],
]);

interface SslContext {
  readonly local: boolean;
  readonly rootCertificate?: string;
}

/** Whether TLS is used; without an sslmode wherever the host is not local or an authority is named. */
function parseSslMode(mode: string | null, { local, rootCertificate }: SslContext): boolean {
  if (!mode) return !local || rootCertificate !== undefined;
  const tls = SSL_MODES.get(mode);
  if (tls === undefined) {
    throw new TargetError(`its sslmode is unknown; use one of ${[...SSL_MODES.keys()].join(", ")}`);
  }
  if (tls) return true;
  if (!local) {
    throw new TargetError(`sslmode=${mode} for a host that is not local; TLS is required there, remove sslmode`);
  }
  if (rootCertificate === undefined) return false;
  throw new TargetError(`sslmode=${mode} with an sslrootcert, which only TLS uses; remove one of them`);
}

/** A name with what has a meaning in a URL written out, so that none can look like the host. */
function inLabel(name: string): string {
  return name.replace(/[%/:?#@[\]]/g, encodeURIComponent);
}

/** Parameters by which libpq goes to another place, or as another user, than the rest of the URL says. */
const DETOURS = "host hostaddr port dbname database user password passfile service servicefile options".split(" ");

/** Parameters of libpq for a certificate of the client, which this client cannot show. */
const CLIENT_CERTIFICATE = ["sslcert", "sslkey", "sslpassword"];

function refuseDetours({ searchParams }: URL): void {
  const [certificate] = CLIENT_CERTIFICATE.filter((name) => searchParams.has(name));
  if (certificate) throw new TargetError(`its query has ${certificate}, and no client certificate is sent; remove it`);
  const found = DETOURS.filter((name) => searchParams.has(name));
  if (found.length === 0) return;
  throw new TargetError(
    `its query has ${found.join(", ")}, which can lead elsewhere than the rest of it says; ` +
      "leave that out: user, password, host, port and database stand before the ?",
  );
}

function parseUrl(text: string): URL {
  if (!/^(postgres|postgresql)(\+psycopg2?)?:\/\//.test(text)) {
    throw new TargetError("it does not start with postgresql://, postgres:// or postgresql+psycopg://");
  }
  // URL takes a comma for a part of a host's name.
  const host = text.replace(/^[^/]*\/\/([^/?#]*@)?/, "").split(/[/?#]/)[0];
  if (host.includes(",")) throw new TargetError("it names several hosts; name one");
  // URL.parse returns null where new URL would throw a message that holds the password.
  const url = URL.parse(text.replace(/^[a-z0-9+]+:/, "postgresql:"));
  if (url === null || url.hash !== "") {
    throw new TargetError(
      "it is not a valid URL; percent-encode special characters in the password (# is %23, % is %25)",
    );
  }
  return url;
}

function decode(part: string): string {
  // It ends a name in the start-up message: what follows would be read as the next parameter.
  if (part.includes("%00")) throw new TargetError("it has %00, which no name or password can have; leave it out");
  try {
    return decodeURIComponent(part);
  } catch {
    throw new TargetError("a % in it is not followed by two hexadecimal digits; write % as %25");
  }
}
