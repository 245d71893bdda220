import { once } from "node:events";
import { readFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JWTPayload } from "jose";
import { WebSocket } from "ws";
import type { BrokerOptions } from "../../src/index.js";
import { startBroker, type TestBroker } from "./broker.js";
import { makeCertificate } from "./certificates.js";
import { DocumentClient, type DocumentConnection } from "./document-client.js";
import { IssuerServer, says, silence, status } from "./issuer-server.js";
import { networkUrl } from "./network-wire.js";
import { certifiedKey, issuerKey, type IssuerKey } from "./outside-tokens.js";
import { panToken } from "./pan-wire.js";

const project = "ai-agent-network";
const away = "https://away.example";

/** How an agent comes in, where it differs from the usual. */
interface Entry extends Partial<DocumentConnection> {
  /** The Firebase user; absent: one of the agent's own. */
  readonly uid?: string;
}

/**
 * A server as the document has it: `wss://`, users of Firebase, whose certificates a server of the test publishes. The
 * keys of one more issuer cannot be had.
 */
export class DocumentWorld {
  readonly at: TestBroker;
  readonly #folder: string;
  readonly #ca: Buffer;
  readonly #issuer: IssuerServer;
  readonly #key: IssuerKey;
  // bound: what one test opens · evicts: nothing, it goes with its world · owner: DocumentWorld
  readonly #open: { close(): void }[] = [];

  private constructor(at: TestBroker, folder: string, ca: Buffer, issuer: IssuerServer, key: IssuerKey) {
    this.at = at;
    this.#folder = folder;
    this.#ca = ca;
    this.#issuer = issuer;
    this.#key = key;
  }

  static async start(options: BrokerOptions = {}): Promise<DocumentWorld> {
    const folder = mkdtempSync(join(tmpdir(), "synaptic-document-"));
    const { cert, key } = makeCertificate(folder, "broker");
    const signing = certifiedKey(folder, "firebase-key");
    const issuer = await IssuerServer.start(folder, silence);
    issuer.answer = (request, response) => {
      const answer = request.url === "/firebase" ? says({ [signing.kid]: signing.pem }) : status(503);
      answer(request, response);
    };
    const certificates = new URL("/firebase", issuer.url).href;
    const jwks = new URL("/away", issuer.url).href;
    const at = await startBroker({
      tlsCert: cert,
      tlsKey: key,
      identityProviders: [
        { firebase: project, certificates, ca: issuer.ca },
        { issuer: away, audience: "agents", jwks, ca: issuer.ca },
      ],
      ...options,
    });
    return new DocumentWorld(at, folder, readFileSync(cert), issuer, signing);
  }

  /** Where the document's clients connect. */
  get url(): string {
    return networkUrl(this.at.pan);
  }

  get options(): NonNullable<DocumentConnection["options"]> {
    return { ca: this.#ca };
  }

  /** An ID token as Firebase makes one; it lasts an hour unless `more` says otherwise. */
  token(uid: string, more: JWTPayload = {}): Promise<string> {
    const now = Math.floor(Date.now() / 1_000);
    const iss = `https://securetoken.google.com/${project}`;
    const times = { iat: now, auth_time: now, exp: now + 3_600 };
    return this.#key.sign({ iss, aud: project, sub: uid, user_id: uid, ...times, ...more });
  }

  /** A token of the issuer whose keys cannot be had. */
  tokenOfAway(): Promise<string> {
    return issuerKey("ES256").sign({ iss: away, aud: "agents", sub: "u", exp: Math.floor(Date.now() / 1_000) + 600 });
  }

  /** A client that has just begun to log in. */
  async open(agentId: string, { uid = `user of ${agentId}`, ...how }: Entry = {}): Promise<DocumentClient> {
    const token = how.token ?? (await this.token(uid));
    return this.keep(DocumentClient.open({ url: this.url, agentId, token, by: "AUTH", options: this.options, ...how }));
  }

  /** A client that has heard CONNECTED. */
  async login(agentId: string, entry: Entry = {}): Promise<DocumentClient> {
    const client = await this.open(agentId, entry);
    await client.hears("CONNECTED");
    return client;
  }

  /** An agent of PAN, which has not said anything yet. */
  async pan(agentId: string): Promise<WebSocket> {
    const socket = new WebSocket(this.at.pan, this.options);
    this.keep({
      close: () => {
        socket.terminate();
      },
    });
    await once(socket, "open");
    socket.send(JSON.stringify({ type: "auth", agentId, token: panToken(this.at.dataDir) }));
    await once(socket, "message");
    return socket;
  }

  /** Closes it at the end of the test. */
  keep<C extends { close(): void }>(client: C): C {
    this.#open.push(client);
    return client;
  }

  async stop(): Promise<void> {
    for (const client of this.#open.splice(0)) client.close();
    await this.at.stop();
    await this.#issuer.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
