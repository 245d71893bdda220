// Asks a broker whether its process works: exit code 0 if it answers 200. For a watchdog, and for a container's HEALTHCHECK.
// usage: node healthz.mjs [URL]; default http://127.0.0.1:8080/healthz. A process that hangs may take three tries of 5 s.
import { get as getPlain } from "node:http";
import { get as getTls } from "node:https";

const url = process.argv[2] ?? "http://127.0.0.1:8080/healthz";
const timeoutMs = 5_000;
const pauseMs = 1_000;

function ask() {
  return new Promise((resolve) => {
    const get = url.startsWith("https:") ? getTls : getPlain;
    // Over loopback the certificate's name cannot fit, and nothing secret is said.
    const request = get(url, { signal: AbortSignal.timeout(timeoutMs), rejectUnauthorized: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200 ? undefined : `answers ${response.statusCode}`);
    });
    request.on("error", (error) => resolve(error.code ?? error.message));
  });
}

let wrong;
for (let attempt = 0; attempt < 3; attempt += 1) {
  if (attempt > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
  wrong = await ask();
  if (wrong === undefined) process.exit(0);
}
console.error(`${url}: ${wrong}`);
process.exit(1);
