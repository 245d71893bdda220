#!/usr/bin/env node
import { main } from "../dist/src/cli/agentchat/main.js";
process.exitCode = await main(process.argv);
