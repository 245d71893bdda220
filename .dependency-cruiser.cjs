/** Imports go down only: a row names a room, what it may import, and why. Rooms that are not named are closed to it. */
const down = [
  ["src/core", [], "the core is the bottom: it imports nothing of ours"],
  ["src/conversation", ["src/core"], "who waits for whose answer: on the core"],
  ["src/storage", ["src/core"], "files and tables: on the core"],
  ["src/room-log", ["src/core", "src/storage"], "what durable rooms remember: on the core, kept by storage"],
  [
    "src/directory",
    ["src/core", "src/storage", "src/room-log"],
    "agents and rooms: on the core, kept by storage, with what rooms remember",
  ],
  ["src/identity", ["src/core", "src/storage"], "who may call itself what: on the core, kept by storage"],
  ["src/mailbox", ["src/core", "src/storage"], "what waits for whoever is away: on the core, kept on disk"],
  [
    "src/dialect",
    [
      "src/core",
      "src/conversation/conversations.ts",
      "src/directory/directory.ts",
      "src/identity/(identity|limiter).ts",
      "src/storage/table.ts",
      "src/telemetry/telemetry.ts",
    ],
    "the contract knows interfaces, no implementations",
  ],
  [
    "src/telemetry",
    ["src/core", "src/conversation", "src/directory", "src/storage"],
    "what is known of agents, flows and coordination: on the core and the directory",
  ],
  ["src/zeromq/wire", ["src/core"], "the ZMTP listener knows the core only"],
  [
    "src/websocket/edge",
    ["src/core", "src/dialect/connection.ts"],
    "the WebSocket edge knows the core and the shape of a connection",
  ],
  [
    "src/websocket/engine",
    ["src/core", "src/conversation", "src/directory", "src/identity", "src/storage", "src/dialect"],
    "the engine knows no transport and no dialect",
  ],
  [
    "src/desk",
    ["src/core", "src/conversation", "src/directory", "src/identity", "src/mailbox", "src/telemetry"],
    "the desk serves everybody and knows no transport",
  ],
  [
    "src/zeromq/agents",
    ["src/core", "src/conversation", "src/directory", "src/identity", "src/zeromq/wire", "src/desk"],
    "what a ZeroMQ connection means",
  ],
  [
    "src/ops",
    [
      "src/core",
      "src/conversation",
      "src/directory",
      "src/identity",
      "src/mailbox",
      "src/room-log",
      "src/storage",
      "src/telemetry/(telemetry|multi-agents).ts",
      "src/websocket/edge/front-page.ts",
    ],
    "operations read what the others count and know no dialect; of a transport, only the shape of an HTTP page",
  ],
];

const inside = (rooms) => rooms.map((room) => (room.endsWith(".ts") ? `^${room}$` : `^${room}/`));
const ours = "^(src|bridges|clients)/";
const may = ([room, allowed, comment]) => ({
  name: `${room.replace("src/", "").replace("/", "-")}-looks-down`,
  severity: "error",
  comment,
  from: { path: `^${room}/` },
  to: { path: ours, pathNot: inside([room, ...allowed]) },
});
const only = (name, from, to, comment) => ({
  name,
  severity: "error",
  comment,
  from: { path: from },
  to: { path: ours, pathNot: to },
});

module.exports = {
  forbidden: [
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    {
      name: "no-orphans",
      severity: "error",
      from: {
        path: ours,
        orphan: true,
        pathNot: "(src/(index|dialect-package|cli/main)|clients/typescript/[^/]+/client)\\.ts$",
      },
      to: {},
    },
    ...down.map(may),
    only(
      "broker-below-cli",
      "^src/((broker|coordination-parts|door-warnings|forgetting|id-source|local-agents|mailbox-parts|office|dialect-files|dialect-package|index|parts|reload|storage-part)\\.ts$|config/)",
      ["^src/(?!cli/)", "^bridges/index\\.ts$", "^clients/typescript/"],
      "the composition root does not know the command line",
    ),
    only(
      "dialects-stand-alone",
      "^bridges/([^/]+)/",
      ["^bridges/$1/", "^src/dialect/"],
      "a dialect imports #dialect and itself only",
    ),
    only(
      "clients-know-no-broker",
      "^clients/typescript/([^/]+)/(?!node/)",
      [
        "^clients/typescript/($1|shared)/",
        "^src/core/",
        "^bridges/$1/((schema|events|codec|keys|signed-text)\\.ts$|binary/)",
      ],
      "a client imports the core's pure parts and what its dialect can say; never the broker, never another client",
    ),
    only(
      "clients-in-node",
      "^clients/typescript/([^/]+)/node/",
      ["^clients/typescript/($1|shared)/", "^src/(core|storage)/"],
      "what a client does in Node only may keep things on disk as the broker does",
    ),
    {
      name: "core-does-no-io",
      severity: "error",
      from: { path: "^src/(core|conversation|dialect)/" },
      to: { dependencyTypes: ["core"], pathNot: "^(node:)?(buffer|crypto)$" },
    },
    {
      name: "ws-where-sockets-are",
      severity: "error",
      from: { path: ours, pathNot: "^(src/websocket/edge/|clients/typescript/)" },
      to: { path: "node_modules/ws/" },
    },
    {
      name: "zeromq-in-the-sdk",
      severity: "error",
      from: { path: ours, pathNot: "^clients/typescript/agent/" },
      to: { path: "node_modules/zeromq/" },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "types", "default"] },
  },
};
