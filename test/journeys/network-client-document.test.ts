import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { SecureAgentSocket, type Message } from "../../clients/typescript/agent-network/index.js";
import { eventually } from "../kit/broker.js";
import { PartyWorld } from "../kit/network-party.js";

/** The document's class, word for word. */
const theClass = `
class SecureAgentSocket {
  constructor(serverUrl, authToken, agentId) {
    this.serverUrl = serverUrl;
    this.authToken = authToken;
    this.agentId = agentId;
    this.socket = null;
    this.keyPair = null;
    this.knownAgents = new Map(); // agentId -> publicKey
    this.messageHandlers = new Map();
    this.pendingMessages = new Map();

    // Initialize event handlers
    this.onOpen = () => {};
    this.onClose = () => {};
    this.onError = () => {};
    this.onMessage = () => {};

    // Set up reconnection
    this.reconnectAttempts = 0;
    this.reconnecting = false;

    // Register message type handlers
    this.registerDefaultHandlers();
  }

  async connect() {
    if (this.socket && this.socket.readyState === WebSocket.OPEN) {
      console.warn('WebSocket already connected');
      return;
    }

    // Generate or load key pair
    if (!this.keyPair) {
      this.keyPair = await this.generateKeyPair();
    }

    try {
      // Create WebSocket with auth token in header
      this.socket = new WebSocket(this.serverUrl);

      // Add auth token to connection
      this.socket.onopen = () => {
        this.socket.send(JSON.stringify({
          type: 'AUTH',
          token: this.authToken,
          agentId: this.agentId
        }));

        this.startHeartbeat();
        this.reconnectAttempts = 0;
        this.onOpen();
      };

      this.socket.onmessage = (event) => {
        this.handleIncomingMessage(event.data);
      };

      this.socket.onclose = (event) => {
        this.handleDisconnection(event);
      };

      this.socket.onerror = (error) => {
        console.error('WebSocket error:', error);
        this.onError(error);
      };
    } catch (error) {
      console.error('Failed to create WebSocket:', error);
      this.scheduleReconnection();
      throw error;
    }
  }

  // Additional methods for sending messages, handling encryption, etc.
`;

/** Its handlers, word for word: methods of that class. */
const theHandlers = `
registerDefaultHandlers() {
  // Register handlers for different message types
  this.messageHandlers.set('HANDSHAKE', this.handleHandshake.bind(this));
  this.messageHandlers.set('ENCRYPTED', this.handleEncryptedMessage.bind(this));
  this.messageHandlers.set('ERROR', this.handleErrorMessage.bind(this));
  this.messageHandlers.set('HEARTBEAT', this.handleHeartbeat.bind(this));
  // Add handlers for other message types
}

async handleIncomingMessage(data) {
  try {
    const message = JSON.parse(data);

    // Validate message structure
    if (!this.validateMessageStructure(message)) {
      console.error('Invalid message structure', message);
      return;
    }

    // Get handler for message type
    const handler = this.messageHandlers.get(message.messageType);
    if (handler) {
      await handler(message);
    } else {
      console.warn(\`No handler registered for message type: \${message.messageType}\`);
    }

    // Notify general message callback
    this.onMessage(message);
  } catch (error) {
    console.error('Error handling incoming message:', error);
  }
}

async handleEncryptedMessage(message) {
  try {
    // Decrypt message
    const decryptedMessage = await this.decryptMessage(message);

    // Process decrypted message based on original type
    const originalType = decryptedMessage.content.originalType;
    const handler = this.messageHandlers.get(originalType);

    if (handler) {
      await handler({
        ...decryptedMessage,
        messageType: originalType,
        content: decryptedMessage.content.data
      });
    }
  } catch (error) {
    console.error('Error handling encrypted message:', error);
    // Handle decryption error
    this.handleEncryptionError(error, message.senderId);
  }
}

// Handlers for specific message types
async handleHandshake(message) {
  const { agentId, publicKey } = message.content;

  // Store sender's public key
  this.knownAgents.set(agentId, await importPublicKey(publicKey));

  // If this is an initial handshake, respond with our public key
  if (message.metadata.requiresResponse) {
    await this.sendHandshake(agentId, false);
  }

  console.log(\`Handshake completed with agent: \${agentId}\`);
}
}
`;

/** What the document names and does not show. */
interface Shown {
  socket: WebSocket | null;
  onOpen: () => void;
  onMessage: (message: Message) => void;
  readonly messageHandlers: Map<string, (message: Message) => unknown>;
  connect(): Promise<void>;
}

const importPublicKey = (key: unknown): Promise<unknown> => Promise.resolve(key);
const quiet = { warn: () => undefined, error: () => undefined, log: () => undefined };
const source = `${theClass}\n${theHandlers}\nreturn SecureAgentSocket;`;
// eslint-disable-next-line @typescript-eslint/no-implied-eval
const make = new Function("WebSocket", "console", "importPublicKey", source) as (...given: unknown[]) => unknown;
const Document = make(WebSocket, quiet, importPublicKey) as new (...how: readonly string[]) => Shown;

/** The same with what the document leaves to its reader. */
class Filled extends Document {
  readonly closes: unknown[] = [];

  generateKeyPair(): Promise<object> {
    return Promise.resolve({});
  }

  startHeartbeat(): void {
    this.say("system", "HEARTBEAT", { timestamp: 1 });
  }

  handleDisconnection(event: unknown): void {
    this.closes.push(event);
  }

  handleErrorMessage(): void {}

  handleHeartbeat(): void {}

  validateMessageStructure(message: Partial<Message>): boolean {
    return message.messageId !== undefined && message.messageType !== undefined;
  }

  sendHandshake(): Promise<void> {
    return Promise.resolve();
  }

  say(recipientId: string, messageType: string, content: object): void {
    const metadata = { priority: "NORMAL", encrypted: false, requiresResponse: false };
    const common = { messageId: `m-${Math.random()}`, conversationId: "c", timestamp: 1, metadata };
    const frame = { ...common, senderId: "agent_doc", recipientId, messageType, content };
    this.socket?.send(JSON.stringify(frame));
  }
}

describe("the document's client", () => {
  let world: PartyWorld;
  beforeEach(async () => {
    world = await PartyWorld.start();
  });
  afterEach(() => world.stop());

  it("connects here as it stands, and its handlers hear", async () => {
    const client = new Filled(world.url, await world.world.token("agent_doc"), "agent_doc");
    const heard: Message[] = [];
    client.onMessage = (message) => heard.push(message);
    const opened = new Promise<void>((resolve) => {
      client.onOpen = resolve;
    });
    await client.connect();
    await opened;
    await eventually(() => heard.some(({ messageType }) => messageType === "HEARTBEAT"), "the heartbeat is echoed");
    const queries: Message[] = [];
    client.messageHandlers.set("QUERY", (message) => queries.push(message));
    const other = await world.login("agent_other");
    const asked = other.socket.send(
      "agent_doc",
      "QUERY",
      { requestId: "r", queryType: "CUSTOM", parameters: {} },
      { plain: true },
    );
    await asked;
    await eventually(() => queries.length === 1, "the handler has heard it");
    expect(heard.map(({ messageType }) => messageType).slice(0, 2)).toEqual(["CONNECTED", "HEARTBEAT"]);
    client.socket?.close();
    await eventually(() => client.closes.length === 1, "it is closed");
  });

  it("is used like ours: each field and method of it is here, and what is set is called", async () => {
    const names = new Set([...`${theClass}${theHandlers}`.matchAll(/this\.(\w+)/g)].map(([, name = ""]) => name));
    expect(names.size).toBeGreaterThan(25);
    const token = await world.world.token("agent_alice");
    const alice = new SecureAgentSocket(world.url, token, "agent_alice");
    for (const name of names) expect(name in alice, name).toBe(true);

    const told: unknown[] = [];
    alice.onOpen = () => told.push("open");
    alice.onClose = ({ code }) => told.push(code);
    alice.onMessage = ({ messageType }) => told.push(messageType);
    alice.messageHandlers.set("QUERY", (message) => alice.respond(message, { data: { free: true } }));
    expect([alice.socket, alice.keyPair, alice.reconnectAttempts, alice.reconnecting]).toEqual([null, null, 0, false]);
    await alice.connect();
    expect(alice.socket?.readyState).toBe(WebSocket.OPEN);
    expect(alice.keyPair).not.toBeNull();
    const bob = await world.login("agent_bob");
    expect(await bob.socket.query("agent_alice", "CUSTOM", {})).toEqual({ free: true });
    alice.startHeartbeat();
    await eventually(() => alice.roundTripMs !== undefined, "the heartbeat was echoed");
    await alice.close();
    expect(told).toEqual(expect.arrayContaining(["open", "QUERY", "HEARTBEAT", 1000]));
  });

  it("may be the base of a class of the application's own", async () => {
    const heard: string[] = [];
    class Mine extends SecureAgentSocket {
      override handleIncomingMessage(data: unknown): void {
        heard.push(String(data));
        super.handleIncomingMessage(data);
      }

      override registerDefaultHandlers(): void {
        super.registerDefaultHandlers();
        this.messageHandlers.set("INFORM", ({ content }) => heard.push(String(content["text"])));
      }
    }
    const mine = new Mine(world.url, await world.world.token("agent_mine"), "agent_mine");
    await mine.connect();
    const bob = await world.login("agent_bob");
    await bob.socket.inform("agent_mine", "hello");
    await eventually(() => heard.includes("hello"), "its handler has heard it");
    expect(heard[0]).toContain("CONNECTED");
    await mine.close();
  });
});
