#!/usr/bin/env node
// Before the program is loaded: SIGHUP asks a broker that is still starting to read its configuration again, and must
// not end it.
let isAsked = false;
const remember = () => {
  isAsked = true;
};
process.on("SIGHUP", remember);
const { main } = await import("../dist/run/cli/broker.js");
process.exitCode = await main(process.argv, () => {
  process.off("SIGHUP", remember);
  return isAsked;
});
