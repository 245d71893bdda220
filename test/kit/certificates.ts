import { execFileSync } from "node:child_process";
import { join } from "node:path";

/** Makes a certificate for localhost and other hosts with its key, by the openssl of this machine. */
export function makeCertificate(
  folder: string,
  name: string,
  hosts: readonly string[] = [],
  kind: "ec" | "rsa" = "ec",
): { readonly cert: string; readonly key: string } {
  const [cert, key] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)];
  execFileSync(
    "openssl",
    [
      "req",
      "-x509",
      "-newkey",
      ...(kind === "ec" ? ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"] : ["rsa:2048"]),
      "-nodes",
      "-days",
      "2",
      "-keyout",
      key,
      "-out",
      cert,
      "-subj",
      `/CN=${name}`,
      "-addext",
      ["subjectAltName=DNS:localhost", "IP:127.0.0.1", ...hosts.map((host) => `DNS:${host}`)].join(),
    ],
    { stdio: "ignore" },
  );
  return { cert, key };
}

/** A pair whose certificate was valid until yesterday. */
export function makeExpired(folder: string, name: string): ReturnType<typeof makeCertificate> {
  const { cert, key } = makeCertificate(folder, name);
  execFileSync("openssl", ["x509", "-in", cert, "-signkey", key, "-days", "-1", "-out", cert], { stdio: "ignore" });
  return { cert, key };
}

/** The same for 99 days, as one is made in a hurry: its subject names a host, but no subjectAltName does. */
export function makeNameless(folder: string, name: string): ReturnType<typeof makeCertificate> {
  const [cert, key] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)];
  const own = ["-subj", "/CN=broker.lan", "-days", "99", "-keyout", key, "-out", cert];
  execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", ...own], { stdio: "ignore" });
  return { cert, key };
}
