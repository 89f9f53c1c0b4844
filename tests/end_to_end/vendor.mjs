// A voice and an ear that somebody else runs, behind real sockets: what the providers of vendors/ speak with. WebSockets by hand
// (RFC 6455), so that it can misbehave.
//
//   /voice   says a tone of 60 ms for each letter of a text, in L16 at 16 kHz, then its mark
//   /ear     hands on "yes" when half a second was quiet after something loud: partial words at once, final ones then
//
// GET /seen tells what came. POST /behave {"voice": …, "ear": …}: from now on "well", "refuses", "closes" (in the middle),
// "garbage", "silent".

import crypto from "node:crypto";
import http from "node:http";

const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const RATE_HZ = 16000;
const LETTER_SAMPLES = (RATE_HZ * 60) / 1000;
const LOUD = 60; // steps of µ-law from silence
const QUIET_BYTES = 4000; // half a second of µ-law

const seen = { said: [], keys: [], turns: 0, heard: 0, open: 0, sockets: 0, goodbyes: 0 };
const behaves = { voice: "well", ear: "well" };

function frame(opcode, payload) {
  const body = Buffer.from(payload);
  const head = [0x80 | opcode];
  if (body.length < 126) head.push(body.length);
  else if (body.length < 65536) head.push(126, body.length >> 8, body.length & 255);
  else head.push(127, 0, 0, 0, 0, (body.length >>> 24) & 255, (body.length >> 16) & 255, (body.length >> 8) & 255, body.length & 255);
  return Buffer.concat([Buffer.from(head), body]);
}

// Gives whole messages to `take`; returns what is left. Clients send no fragments here.
function split(buffer, take) {
  for (;;) {
    if (buffer.length < 2) return buffer;
    let length = buffer[1] & 127;
    let at = 2;
    if (length === 126) {
      if (buffer.length < 4) return buffer;
      [length, at] = [buffer.readUInt16BE(2), 4];
    } else if (length === 127) {
      if (buffer.length < 10) return buffer;
      [length, at] = [Number(buffer.readBigUInt64BE(2)), 10];
    }
    if (buffer.length < at + 4 + length) return buffer;
    const mask = buffer.subarray(at, at + 4);
    const body = Buffer.from(buffer.subarray(at + 4, at + 4 + length).map((byte, index) => byte ^ mask[index % 4]));
    take(buffer[0] & 15, body);
    buffer = buffer.subarray(at + 4 + length);
  }
}

function tone(samples) {
  const sound = Buffer.alloc(samples * 2);
  for (let i = 0; i < samples; i++) sound.writeInt16LE(Math.round(8000 * Math.sin((2 * Math.PI * 440 * i) / RATE_HZ)), 2 * i);
  return sound;
}

function say(send, { text, id }) {
  seen.said.push(text);
  if (behaves.voice === "silent") return;
  if (behaves.voice === "garbage") {
    for (let i = 0; i < 60; i++) send(TEXT, "this is not JSON {{{");
    return;
  }
  for (let letter = 0; letter < text.length; letter += 2)
    send(TEXT, JSON.stringify({ type: "sound", data: tone(2 * LETTER_SAMPLES).toString("base64") }));
  if (behaves.voice === "closes") send(CLOSE, Buffer.from([0x03, 0xf3, ...Buffer.from("out of credit")]));
  else send(TEXT, JSON.stringify({ type: "done", id }));
}

function voice(send) {
  return (opcode, body) => {
    if (opcode !== TEXT) return;
    const message = JSON.parse(body.toString());
    if (message.type === "say") say(send, message);
    if (message.type === "goodbye") seen.goodbyes++;
  };
}

function ear(send) {
  let isLoud = false;
  let quiet = 0;
  const words = (is_final) => send(TEXT, JSON.stringify({ type: "words", text: "yes", is_final }));
  return (opcode, body) => {
    if (opcode !== BINARY) return;
    seen.heard += body.length;
    if (body.some((byte) => 127 - (byte & 127) > LOUD)) {
      if (!isLoud && behaves.ear === "well") words(false);
      [isLoud, quiet] = [true, 0];
    } else if (isLoud && (quiet += body.length) >= QUIET_BYTES) {
      isLoud = false;
      seen.turns++;
      if (behaves.ear === "closes") send(CLOSE, Buffer.from([0x03, 0xf3]));
      else words(true);
    }
  };
}

const server = http.createServer((request, response) => {
  let body = "";
  request.on("data", (bytes) => { body += bytes; });
  request.on("end", () => {
    if (request.url === "/behave") Object.assign(behaves, JSON.parse(body));
    response.end(JSON.stringify(seen));
  });
});

server.on("upgrade", (request, socket) => {
  const kind = request.url.startsWith("/voice") ? "voice" : "ear";
  seen.keys.push(request.headers.authorization);
  socket.on("error", () => socket.destroy());
  if (behaves[kind] === "refuses") return socket.end("HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n");
  const accept = crypto.createHash("sha1").update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
  seen.open++;
  seen.sockets++;
  socket.on("close", () => { seen.open--; });
  const send = (opcode, payload) => {
    if (!socket.writable) return;
    socket.write(frame(opcode, payload));
    if (opcode === CLOSE) socket.end();
  };
  const take = (kind === "voice" ? voice : ear)(send);
  let pending = Buffer.alloc(0);
  socket.on("data", (bytes) => {
    pending = split(Buffer.concat([pending, bytes]), (opcode, body) => {
      if (opcode === CLOSE) send(CLOSE, body);
      else take(opcode, body);
    });
  });
});

server.listen(0, "127.0.0.1", () => console.log(`ready on port ${server.address().port}`));
