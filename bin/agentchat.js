#!/usr/bin/env node
import { main } from "../dist/run/cli/agentchat.js";
process.exitCode = await main(process.argv);
