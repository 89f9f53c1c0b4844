// A media socket opened by somebody who does not behave: a WebSocket client by hand (RFC 6455), so that it can do what a
// proper one refuses to do. Sends what the named behaviour says, then reports how it ended.
//
// usage: node hostile.mjs URL BEHAVIOUR CALL_SID     prints JSON: { status, code, reason, ended, seconds, received, texts }

import crypto from "node:crypto";
import net from "node:net";

const PATIENCE_MS = 20000;
const [address, behaviour, callSid] = process.argv.slice(2);
const url = new URL(address);
const started = Date.now();
const seen = { status: 0, code: null, reason: "", ended: false, seconds: 0, received: 0, texts: [] };

const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PONG = 10;

function frame(opcode, payload, { masked = true, isLast = true, length = null } = {}) {
  const body = Buffer.from(payload);
  const announced = length ?? body.length;
  const head = [((isLast ? 0x80 : 0) | opcode) & 0xff];
  const mask = masked ? 0x80 : 0;
  if (announced < 126) head.push(mask | announced);
  else if (announced < 65536) head.push(mask | 126, announced >> 8, announced & 255);
  else head.push(mask | 127, 0, 0, 0, 0, (announced >>> 24) & 255, (announced >> 16) & 255, (announced >> 8) & 255, announced & 255);
  if (!masked) return Buffer.concat([Buffer.from(head), body]);
  const key = crypto.randomBytes(4);
  return Buffer.concat([Buffer.from(head), key, Buffer.from(body.map((byte, index) => byte ^ key[index % 4]))]);
}

const text = (value) => frame(TEXT, typeof value === "string" ? value : JSON.stringify(value));
const stream = "MZ00000000000000000000000000000001";

function start(changes = {}) {
  return text({
    event: "start", sequenceNumber: "1", streamSid: stream,
    start: {
      streamSid: stream, accountSid: process.env.TWILIO_ACCOUNT_SID ?? "AC1", callSid, tracks: ["inbound"],
      mediaFormat: { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 }, customParameters: {}, ...changes,
    },
  });
}

const connected = text({ event: "connected", protocol: "Call", version: "1.0.0" });
const media = (payload) => text({ event: "media", streamSid: stream, media: { track: "inbound", chunk: "1", timestamp: "0", payload } });
const stop = text({ event: "stop", streamSid: stream, stop: { callSid } });
const many = (count, make) => Array.from({ length: count }, (_, index) => make(index));

const behaviours = {
  proper: () => [connected, start(), media("f39/fw=="), stop],
  not_json: () => [connected, start(), ...many(200, () => text("this is not JSON {{{"))],
  bad_base64: () => [connected, start(), ...many(200, () => media("%%%not base64%%%"))],
  deep_json: () => [connected, start(), ...many(200, () => text("[".repeat(5000) + "]".repeat(5000)))],
  odd_events: () => [connected, start(), ...many(50, (n) => text({ event: "surprise", n, nested: { a: [1, 2, { b: null }] } })), stop],
  oversized: () => [connected, start(), text(JSON.stringify({ event: "media", media: { payload: "A".repeat(3 << 20) } }))],
  endless_fragments: () => [connected, start(), frame(TEXT, "x".repeat(60000), { isLast: false }),
    ...many(100, () => frame(0, "x".repeat(60000), { isLast: false }))],
  truncated: () => [connected, start(), frame(TEXT, '{"event":"media","me', { length: 4000 }), null],
  vanishes: () => [connected, start(), null],
  wrong_rate: () => [connected, start({ mediaFormat: { encoding: "audio/x-mulaw", sampleRate: 16000, channels: 1 } })],
  wrong_encoding: () => [connected, start({ mediaFormat: { encoding: "audio/x-l16", sampleRate: 8000, channels: 1 } })],
  wrong_call: () => [connected, start({ callSid: "CAffffffffffffffffffffffffffffffff" })],
  no_start: () => [connected],
  silence: () => [],
  binary: () => [connected, start(), ...many(200, () => frame(BINARY, crypto.randomBytes(320)))],
  unmasked: () => [connected, start(), frame(TEXT, "{}", { masked: false }), stop],
  reserved_opcode: () => [connected, start(), frame(11, "?")],
  bad_utf8: () => [connected, start(), ...many(200, () => frame(TEXT, Buffer.from([0xff, 0xfe, 0xc0, 0x80])))],
  second_start: () => [connected, start(), start(), stop],
  messages: () => JSON.parse(process.env.MESSAGES).map(text), // of any carrier
};

function finish(why) {
  seen.ended = why !== "patience";
  seen.how = why;
  seen.seconds = (Date.now() - started) / 1000;
  console.log(JSON.stringify(seen));
  process.exit(0);
}

const headers = [
  `GET ${url.pathname}${url.search} HTTP/1.1`, `Host: ${url.host}`, "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
  `Sec-WebSocket-Key: ${crypto.randomBytes(16).toString("base64")}`,
];
for (const [name, value] of Object.entries(JSON.parse(process.env.HEADERS ?? "{}"))) headers.push(`${name}: ${value}`);
if (process.env.SIGNATURE) headers.push(`X-Twilio-Signature: ${process.env.SIGNATURE}`);

const socket = net.connect(Number(url.port), url.hostname, () => socket.write(`${headers.join("\r\n")}\r\n\r\n`));
let pending = Buffer.alloc(0);
let isOpen = false;

function take(buffer) {
  if (buffer.length < 2) return 0;
  let length = buffer[1] & 127;
  let at = 2;
  if (length === 126) [length, at] = buffer.length < 4 ? [Infinity, 4] : [buffer.readUInt16BE(2), 4];
  else if (length === 127) [length, at] = buffer.length < 10 ? [Infinity, 10] : [Number(buffer.readBigUInt64BE(2)), 10];
  if (buffer.length < at + length) return 0;
  const opcode = buffer[0] & 15;
  const payload = buffer.subarray(at, at + length);
  seen.received++;
  if (opcode === TEXT && seen.texts.length < 100) seen.texts.push(payload.toString());
  if (opcode === CLOSE && payload.length >= 2) {
    seen.code = payload.readUInt16BE(0);
    seen.reason = payload.subarray(2).toString();
    socket.write(frame(CLOSE, payload.subarray(0, 2)));
  } else if (opcode === 9) {
    socket.write(frame(PONG, payload));
  }
  return at + length;
}

function misbehave() {
  for (const part of behaviours[behaviour]()) {
    if (part === null) return setTimeout(() => { socket.destroy(); finish("we vanished"); }, 300);
    socket.write(part);
  }
}

socket.on("data", (data) => {
  pending = Buffer.concat([pending, data]);
  if (!isOpen) {
    const end = pending.indexOf("\r\n\r\n");
    if (end < 0) return;
    seen.status = Number(pending.toString("latin1", 9, 12));
    if (seen.status !== 101) return finish("refused");
    isOpen = true;
    pending = pending.subarray(end + 4);
    misbehave();
  }
  for (let used; (used = take(pending)) > 0; ) pending = pending.subarray(used);
});
socket.on("error", (error) => { seen.reason ||= error.code; });
socket.on("close", () => finish("closed"));
setTimeout(() => finish("patience"), PATIENCE_MS);
