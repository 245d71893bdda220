#!/usr/bin/env node
import { isatty } from "node:tty";
import { load } from "./load.js";

// nohup asks that SIGHUP does nothing, but Node undoes that. What nohup starts has no terminal among its streams, and
// then there is none whose end would be this program's.
if (![0, 1, 2].some((stream) => isatty(stream))) process.on("SIGHUP", () => undefined);
const { main } = await load("agentchat");
process.exitCode = await main(process.argv);
