/** Imports go down only: core ← zmtp, ws, services ← dialect ← bridge, local, agent ← broker, config ← cli. */
const may = (name, from, allowed, comment) => ({
  name,
  severity: "error",
  comment,
  from: { path: from },
  to: { path: "^(src|bridges)/", pathNot: allowed },
});

module.exports = {
  forbidden: [
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    { name: "no-orphans", severity: "error", from: { path: "^(src|bridges)/", orphan: true, pathNot: "(src/(index|cli/main)|bridges/[^/]+/client)\\.ts$" }, to: {} },
    may("core-is-the-bottom", "^src/core/", "^src/core/", "core imports nothing of ours"),
    may("zmtp-on-core", "^src/zmtp/", "^src/(core|zmtp)/", "the ZMTP listener knows the core only"),
    may("ws-on-core", "^src/ws/", "^src/(core|ws|dialect/connection)", "the WebSocket edge knows the core and the shape of a connection"),
    may("services-on-core", "^src/services/", "^src/(core|services)/", "services know the core only"),
    may("dialect-contract", "^src/dialect/", "^src/(core|dialect|services/[a-z]+\\.ts)", "the contract knows interfaces, no implementations"),
    may("bridge-below-broker", "^src/bridge/", "^src/(core|services|dialect|bridge)/", "the engine knows no transport and no dialect"),
    may("local-below-broker", "^src/local/", "^src/(core|services|zmtp|local)/", "local agents: what ZeroMQ connections mean"),
    may("ops-below-broker", "^src/ops/", "^src/(core|services|ops)/", "operations read what the others count; they know no transport and no dialect"),
    may("agent-below-broker", "^src/agent/", "^src/(core|agent)/", "the SDK for local agents"),
    may("broker-below-cli", "^src/((broker|index|parts|reload)\\.ts$|config/)", "^(src/(?!cli/)|bridges/(index|agentchat/client)\\.ts$)", "the composition root does not know the command line; the root exports AgentChat's client, as its seed has it"),
    may("dialects-stand-alone", "^bridges/([^/]+)/", "^(bridges/$1/|src/dialect/)", "a dialect imports #dialect and itself only"),
    { name: "core-does-no-io", severity: "error", from: { path: "^src/(core|dialect)/" }, to: { dependencyTypes: ["core"], pathNot: "^(node:)?(buffer|crypto)$" } },
    { name: "ws-where-sockets-are", severity: "error", from: { path: "^(src|bridges)/", pathNot: "^(src/ws/|bridges/[^/]+/client)" }, to: { path: "node_modules/ws/" } },
    { name: "zeromq-in-the-sdk", severity: "error", from: { path: "^(src|bridges)/", pathNot: "^src/agent/" }, to: { path: "node_modules/zeromq/" } },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "types", "default"] },
  },
};
