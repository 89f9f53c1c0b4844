// Sends the bytes of standard input to a port of 127.0.0.1 as they are, in one write, and prints what comes back.
//
// usage: node raw.mjs PORT < bytes     ends when the other side does, or when nothing has come for a second

import net from "node:net";
import { readFileSync } from "node:fs";

const QUIET_MS = 1000;
const PATIENCE_MS = 15000;
const socket = net.connect(Number(process.argv[2]), "127.0.0.1", () => socket.write(readFileSync(0)));
let quiet = setTimeout(() => socket.destroy(), PATIENCE_MS);

socket.on("data", (bytes) => {
  process.stdout.write(bytes);
  clearTimeout(quiet);
  quiet = setTimeout(() => socket.destroy(), QUIET_MS);
});
socket.on("error", () => socket.destroy());
socket.on("close", () => clearTimeout(quiet));
