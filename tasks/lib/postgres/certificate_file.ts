import { X509Certificate } from "node:crypto";
import { EXIT, TaskError } from "../task/errors.ts";
import type { CertificateFile } from "../task/target.ts";

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** The certificates of a PEM file, one text each.
 *
 * Errors: TaskError (exit 2) naming file and setting when it cannot be read, holds no certificate or a damaged one.
 */
export async function readCertificates({ path, setting }: CertificateFile): Promise<string[]> {
  const fail = (finding: string, cause?: unknown) =>
    new TaskError(
      `Cannot use certificate file "${path}": ${finding}; name a PEM file of the server's authority in ${setting}`,
      EXIT.usage,
      { cause },
    );
  const text = await Deno.readTextFile(path).catch((error) => {
    throw fail(`it cannot be read (${error.name})`, error);
  });
  const certificates = text.match(CERTIFICATE) ?? [];
  if (certificates.length === 0) throw fail("it holds no certificate");
  for (const [index, certificate] of certificates.entries()) {
    try {
      new X509Certificate(certificate);
    } catch (error) {
      throw fail(`its certificate ${index + 1} is damaged`, error);
    }
  }
  return certificates;
}
