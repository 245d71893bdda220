#!/usr/bin/env node
import { load } from "./load.js";

// Before the program is loaded: SIGHUP asks a broker that is still starting to read its configuration again, and must
// not end it.
let isAsked = false;
const remember = () => {
  isAsked = true;
};
process.on("SIGHUP", remember);
const { main } = await load("broker");
process.exitCode = await main(process.argv, () => {
  process.off("SIGHUP", remember);
  return isAsked;
});
