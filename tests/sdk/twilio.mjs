// The official Twilio SDK for node, unmodified, against the exchange.
//
// Its requests for https://api.twilio.com are led to the exchange by the one hook the SDK has for that: an `httpClient`,
// here the SDK's own RequestClient with another origin in front of the path. Its validateRequest checks the webhooks that
// a small application on loopback receives from the exchange.
//
// usage: node twilio.mjs EXCHANGE_URL

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import http from "node:http";
import twilio from "twilio";
import { refused, serve, Tests, until } from "./support/kit.mjs";

const exchange = process.argv[2];
const sid = process.env.TWILIO_ACCOUNT_SID;
const token = process.env.TWILIO_AUTH_TOKEN;
const from = "+14155550100";
const { test, finish } = new Tests();

class ExchangeClient extends twilio.RequestClient {
  request(options) {
    const uri = options.uri.replace("https://api.twilio.com", exchange);
    assert.ok(uri.startsWith(exchange), `the SDK wanted ${options.uri}`);
    return super.request({ ...options, uri });
  }
}

const client = twilio(sid, token, { httpClient: new ExchangeClient() });

const untilStatus = (call, status) =>
  until(`status ${status}`, async () => {
    const seen = await client.calls(call.sid).fetch();
    return seen.status === status ? seen : null;
  });

// The application: keeps what it receives, and says what `answers` holds for a path.
const received = [];
const answers = {};
const home = await serve((request, body) => {
  const params = Object.fromEntries(new URLSearchParams(request.method === "POST" ? body : ""));
  const path = request.url.split("?")[0];
  const signature = request.headers["x-twilio-signature"];
  received.push({ method: request.method, url: home + request.url, path, params, signature });
  return { type: "text/xml", body: answers[path] ?? "<Response/>" };
});
const statuses = (call) => received.filter((each) => each.path === "/status" && each.params.CallSid === call.sid);
const events = ["initiated", "ringing", "answered", "completed"];
const hold = "<Response><Pause length=\"60\"/></Response>";

await test("creates a call", async () => {
  const call = await client.calls.create({ to: "+15551001", from, twiml: hold });
  assert.match(call.sid, /^CA[0-9a-f]{32}$/);
  assert.equal(call.accountSid, sid);
  assert.equal(call.status, "queued");
  assert.equal(call.direction, "outbound-api");
  assert.equal(call.to, "+15551001");
  assert.equal(call.from, from);
  assert.ok(call.dateCreated instanceof Date && !Number.isNaN(call.dateCreated.getTime()));
  assert.equal(call.startTime, null);
  await untilStatus(call, "in-progress");
  await client.calls(call.sid).update({ status: "completed" });
});

await test("fetches a call while it is up and after its end", async () => {
  const call = await client.calls.create({ to: "+15551001", from, twiml: hold });
  const up = await untilStatus(call, "in-progress");
  assert.ok(up.startTime instanceof Date);
  assert.equal(up.endTime, null);
  assert.equal(up.duration, null);
  const ended = await client.calls(call.sid).update({ status: "completed" });
  assert.equal(ended.status, "completed");
  assert.ok(ended.endTime instanceof Date);
  assert.match(ended.duration, /^\d+$/);
});

await test("redirects a live call to another document", async () => {
  answers["/second"] = "<Response><Say>Hello again</Say><Pause length=\"30\"/></Response>";
  const call = await client.calls.create({ to: "+15551001", from, twiml: hold });
  await untilStatus(call, "in-progress");
  const updated = await client.calls(call.sid).update({ url: `${home}/second`, method: "POST" });
  assert.equal(updated.status, "in-progress");
  const isSecond = (each) => each.path === "/second" && each.params.CallSid === call.sid;
  await until("the second document", () => received.find(isSecond));
  await client.calls(call.sid).update({ twiml: "<Response><Hangup/></Response>" });
  await untilStatus(call, "completed");
});

await test("cancels a call that rings", async () => {
  const call = await client.calls.create({ to: "+15551003", from, twiml: hold });
  await untilStatus(call, "ringing");
  assert.equal((await client.calls(call.sid).update({ status: "canceled" })).status, "canceled");
});

await test("lists calls, page by page and filtered", async () => {
  const all = await client.calls.list({ limit: 100 });
  assert.ok(all.length >= 4);
  const small = await client.calls.list({ pageSize: 2, limit: 4 });
  assert.deepEqual(small.map((call) => call.sid), all.slice(0, 4).map((call) => call.sid));
  const canceled = await client.calls.list({ status: "canceled" });
  assert.deepEqual(canceled.map((call) => call.to), ["+15551003"]);
  const to = await client.calls.list({ to: "+15551001" });
  assert.ok(to.length >= 3 && to.every((call) => call.to === "+15551001"));
  let seen = 0;
  await client.calls.each({ pageSize: 2 }, () => seen++);
  await until("all pages", () => seen === all.length);
});

await test("removes a call that is over, and only then", async () => {
  const call = await client.calls.create({ to: "+15551001", from, twiml: hold });
  await untilStatus(call, "in-progress");
  assert.equal((await refused(client.calls(call.sid).remove())).status, 400);
  await client.calls(call.sid).update({ status: "completed" });
  assert.equal(await client.calls(call.sid).remove(), true);
  assert.equal((await refused(client.calls(call.sid).fetch())).code, 20404);
});

await test("fetches the account", async () => {
  const account = await client.api.v2010.accounts(sid).fetch();
  assert.equal(account.sid, sid);
  assert.equal(account.status, "active");
});

await test("errors have the SDK's class, code, status and link", async () => {
  const cases = [
    [{ to: "12", from, twiml: hold }, 400, 21211],
    [{ to: "+15551001", from: "abc", twiml: hold }, 400, 21212],
    [{ to: "+15551001", from }, 400, 21205],
    [{ to: "+15551001", from, url: "ftp://x" }, 400, 21205],
    [{ to: "+15551001", from, twiml: "x".repeat(4001) }, 400, 21205],
    [{ to: "+15551001", from, twiml: hold, statusCallback: "https://under_score.example.com/x" }, 400, 21609],
    [{ to: "+15551006", from, twiml: hold }, 400, 21215],
  ];
  for (const [order, status, code] of cases) {
    const error = await refused(client.calls.create(order));
    assert.ok(error instanceof twilio.RestException, String(error));
    assert.equal(error.status, status);
    assert.equal(error.code, code);
    assert.equal(error.moreInfo, `https://www.twilio.com/docs/errors/${code}`);
  }
});

await test("a call that is not known is 404 with 20404", async () => {
  const error = await refused(client.calls(`CA${"0".repeat(32)}`).fetch());
  assert.equal(error.status, 404);
  assert.equal(error.code, 20404);
});

await test("a wrong token is 401 with 20003", async () => {
  const stranger = twilio(sid, "wrong", { httpClient: new ExchangeClient() });
  const error = await refused(stranger.calls.list({ limit: 1 }));
  assert.equal(error.status, 401);
  assert.equal(error.code, 20003);
});

await test("the hang-up of a finished call is 400 with 21220", async () => {
  const call = await client.calls.create({ to: "+15551002", from, twiml: hold });
  await untilStatus(call, "busy");
  assert.equal((await refused(client.calls(call.sid).update({ status: "completed" }))).code, 21220);
});

await test("the SDK's own retry gets past too many requests", async () => {
  const patient = twilio(sid, token, { httpClient: new ExchangeClient({ autoRetry: true, maxRetries: 3 }) });
  const call = await patient.calls.create({ to: "+15551005", from, twiml: hold });
  assert.equal(call.status, "queued");
});

await test("validateRequest accepts every webhook of a call, and none that was changed", async () => {
  answers["/document"] =
    '<Response><Gather numDigits="4" action="/digits?step=2" timeout="5"><Pause length="1"/></Gather></Response>';
  answers["/digits"] = '<Response><Redirect method="GET">/last?lang=en</Redirect></Response>';
  answers["/last"] = "<Response><Hangup/></Response>";
  const call = await client.calls.create({
    to: "+15551004", from, url: `${home}/document?tenant=blue&x=1`,
    statusCallback: `${home}/status?call=7`, statusCallbackEvent: events,
  });
  await until("the last status", () => statuses(call).length === 4);
  const mine = received.filter((each) => each.params.CallSid === call.sid || each.url.includes(call.sid));
  assert.deepEqual(new Set(mine.map((each) => each.path)), new Set(["/document", "/digits", "/last", "/status"]));
  assert.equal(mine.find((each) => each.path === "/digits").params.Digits, "12");
  for (const each of mine) {
    assert.ok(twilio.validateRequest(token, each.signature, each.url, each.params), `${each.method} ${each.url}`);
    assert.ok(!twilio.validateRequest("another token", each.signature, each.url, each.params));
    assert.ok(!twilio.validateRequest(token, each.signature, each.url, { ...each.params, CallStatus: "changed" }));
    assert.ok(!twilio.validateRequest(token, each.signature, `${each.url}&more=1`, each.params));
  }
});

await test("statuses come with the carrier's names and numbers", async () => {
  const call = await client.calls.create({
    to: "+15551007", from, twiml: hold, statusCallback: `${home}/status`, statusCallbackEvent: events,
  });
  await until("the last status", () => statuses(call).length === 4);
  const inOrder = statuses(call).sort((a, b) => a.params.SequenceNumber - b.params.SequenceNumber);
  assert.deepEqual(inOrder.map((each) => each.params.CallStatus), ["initiated", "ringing", "in-progress", "completed"]);
  assert.deepEqual(inOrder.map((each) => each.params.SequenceNumber), ["0", "1", "2", "3"]);
  assert.match(inOrder[3].params.CallDuration, /^\d+$/);
  assert.equal(inOrder[3].params.CallbackSource, "call-progress-events");
});

await test("without a wish only the end is told", async () => {
  const call = await client.calls.create({ to: "+15551002", from, twiml: hold, statusCallback: `${home}/status` });
  await until("the status", () => statuses(call).length === 1);
  assert.equal(statuses(call)[0].params.CallStatus, "busy");
  assert.equal(statuses(call)[0].params.SipResponseCode, "486");
});

await test("TwiML written by the SDK is obeyed", async () => {
  const response = new twilio.twiml.VoiceResponse();
  response.say("Hello");
  response.play({ digits: "1" });
  response.redirect({ method: "POST" }, `${home}/obeyed`);
  const done = new twilio.twiml.VoiceResponse();
  done.hangup();
  answers["/obeyed"] = done.toString();
  const call = await client.calls.create({ to: "+15551001", from, twiml: response });
  await untilStatus(call, "completed");
  assert.ok(received.some((each) => each.path === "/obeyed" && each.params.CallSid === call.sid));
});

const fetchStatus = async (call) => (await client.calls(call.sid).fetch()).status;

// A WebSocket server that only listens: the handshake, then whole unmasked or masked text frames, as JSON.
const listened = [];
const sockets = http.createServer();
sockets.on("upgrade", (request, socket) => {
  const accept = createHash("sha1").update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
  socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    + `Sec-WebSocket-Accept: ${accept.digest("base64")}\r\n\r\n`);
  let data = Buffer.alloc(0);
  socket.on("error", () => {});
  socket.on("data", (part) => {
    for (data = Buffer.concat([data, part]); ; ) {
      if (data.length < 2) return;
      const masked = data[1] & 128 ? 4 : 0;
      const wide = (data[1] & 127) === 126 ? 2 : 0;
      const head = 2 + wide + masked;
      if (data.length < head) return;
      const bytes = wide ? data.readUInt16BE(2) : data[1] & 127;
      if (data.length < head + bytes) return;
      const body = Buffer.from(data.subarray(head, head + bytes));
      if (masked) for (let i = 0; i < bytes; i++) body[i] ^= data[head - 4 + (i % 4)];
      if ((data[0] & 15) === 1) listened.push(JSON.parse(body.toString()));
      if ((data[0] & 15) === 8) socket.end(Buffer.from([0x88, 0]));
      data = data.subarray(head + bytes);
    }
  });
});
await new Promise((resolve) => sockets.listen(0, "127.0.0.1", resolve));

const say = "<Response><Say>Leave your message</Say>";
const seen = (path, sid) => received.filter((each) => each.path === path && each.params.CallSid === sid);

await test("a recording is started, paused, stopped, told of and downloaded", async () => {
  const call = await client.calls.create({ to: "+15551001", from, twiml: hold });
  await untilStatus(call, "in-progress");
  const recording = await client.calls(call.sid).recordings.create({
    recordingChannels: "dual", recordingStatusCallback: `${home}/recording`,
    recordingStatusCallbackEvent: ["in-progress", "completed"],
  });
  assert.match(recording.sid, /^RE[0-9a-f]{32}$/);
  assert.equal(recording.status, "in-progress");
  assert.equal(recording.channels, 2);
  assert.equal(recording.source, "StartCallRecordingAPI");
  const paused = await client.calls(call.sid).recordings("Twilio.CURRENT").update({ status: "paused" });
  assert.equal(paused.status, "paused");
  await client.calls(call.sid).recordings(recording.sid).update({ status: "in-progress" });
  assert.equal((await client.calls(call.sid).recordings.list()).length, 1);
  await client.calls(call.sid).recordings(recording.sid).update({ status: "stopped" });
  await until("the callback", () => seen("/recording", call.sid).length === 2);
  const [began, ended] = seen("/recording", call.sid);
  assert.equal(began.params.RecordingStatus, "in-progress");
  assert.equal(ended.params.RecordingStatus, "completed");
  assert.ok(twilio.validateRequest(token, ended.signature, ended.url, ended.params));
  const file = await fetch(`${ended.params.RecordingUrl}.wav`, {
    headers: { authorization: `Basic ${Buffer.from(`${sid}:${token}`).toString("base64")}` },
  });
  assert.equal(file.status, 200);
  assert.equal(Buffer.from(await file.arrayBuffer()).toString("latin1", 0, 4), "RIFF");
  assert.equal((await fetch(`${ended.params.RecordingUrl}.wav`)).status, 401);
  assert.equal((await client.recordings(recording.sid).fetch()).status, "completed");
  assert.equal(await client.recordings(recording.sid).remove(), true);
  assert.equal((await refused(client.recordings(recording.sid).fetch())).code, 20404);
  await client.calls(call.sid).update({ status: "completed" });
  assert.equal((await refused(client.calls(call.sid).recordings.create())).code, 21220);
});

await test("a call that is ordered with a recording is recorded to its end", async () => {
  const call = await client.calls.create({
    to: "+15551007", from, twiml: hold, record: true, recordingStatusCallback: `${home}/recorded`,
  });
  await until("the callback", () => seen("/recorded", call.sid).length === 1);
  assert.equal(seen("/recorded", call.sid)[0].params.RecordingSource, "OutboundAPI");
});

await test("<Record> takes a message and asks what follows", async () => {
  answers["/message"] = "<Response><Hangup/></Response>";
  const call = await client.calls.create({
    to: "+15551008", from, twiml: `${say}<Record action="${home}/message" timeout="1" playBeep="false"/></Response>`,
  });
  await untilStatus(call, "completed");
  const [request] = seen("/message", call.sid);
  assert.match(request.params.RecordingUrl, /Recordings\/RE/);
  assert.match(request.params.RecordingDuration, /^\d+$/);
});

await test("<Record> without a word goes on with the next verb", async () => {
  const call = await client.calls.create({
    to: "+15551001", from, twiml: `${say}<Record action="${home}/never" timeout="1"/><Redirect>${home}/next</Redirect></Response>`,
  });
  await untilStatus(call, "completed");
  assert.equal(seen("/never", call.sid).length, 0);
  assert.equal(seen("/next", call.sid).length, 1);
});

await test("a conference is joined, asked about, changed and ended", async () => {
  const room = `<Response><Dial action="${home}/after-room"><Conference participantLabel="customer" statusCallback="${home}/room"
    statusCallbackEvent="start end join leave mute hold" endConferenceOnExit="false">support</Conference></Dial></Response>`;
  answers["/after-room"] = "<Response><Hangup/></Response>";
  const customer = await client.calls.create({ to: "+15551001", from, twiml: room });
  const [conference] = await until("the room", async () => {
    const list = await client.conferences.list({ friendlyName: "support" });
    return list.length === 1 && list;
  });
  assert.equal(conference.status, "init");
  const invited = await client.conferences(conference.sid).participants.create({
    to: "+15551001", from, label: "agent", endConferenceOnExit: true,
  });
  assert.equal(invited.label, "agent");
  await until("two participants", async () => (await client.conferences(conference.sid).participants.list()).length === 2);
  assert.equal((await client.conferences(conference.sid).fetch()).status, "in-progress");
  const held = await client.conferences(conference.sid).participants("customer").update({ hold: true });
  assert.equal(held.hold, true);
  const muted = await client.conferences(conference.sid).participants(customer.sid).update({ muted: true });
  assert.equal(muted.muted, true);
  await client.calls(invited.callSid).update({ status: "completed" });
  await untilStatus(customer, "completed");
  const over = await client.conferences(conference.sid).fetch();
  assert.equal(over.status, "completed");
  assert.equal(over.callSidEndingConference, invited.callSid);
  assert.equal(seen("/after-room", customer.sid)[0].params.DialCallStatus, "completed");
  const told = received.filter((each) => each.path === "/room");
  await until("the last word", () => received.some((each) => each.params.StatusCallbackEvent === "conference-end"));
  const names = new Set(received.filter((each) => each.path === "/room").map((each) => each.params.StatusCallbackEvent));
  for (const name of ["participant-join", "conference-start", "participant-hold", "participant-mute", "participant-leave"]) {
    assert.ok(names.has(name), `${name} is not among ${[...names]}`);
  }
  for (const each of told) assert.ok(twilio.validateRequest(token, each.signature, each.url, each.params));
});

await test("who is sent out of a conference goes on with the next verb", async () => {
  const twiml = `<Response><Dial><Conference>alone</Conference></Dial><Redirect>${home}/sent-out</Redirect></Response>`;
  const call = await client.calls.create({ to: "+15551001", from, twiml });
  await until("the participant", async () => {
    const [conference] = await client.conferences.list({ friendlyName: "alone" });
    return conference && client.conferences(conference.sid).participants(call.sid).remove();
  });
  await untilStatus(call, "completed");
  assert.equal(seen("/sent-out", call.sid).length, 1);
});

await test("the one who is dialled hears a document first, and may refuse", async () => {
  answers["/accept"] = '<Response><Gather numDigits="1" timeout="3" action="/pressed"><Say>Press a key</Say></Gather><Hangup/></Response>';
  answers["/pressed"] = "<Response/>";
  answers["/dialled"] = "<Response><Hangup/></Response>";
  const dial = (number) => `<Response><Dial action="${home}/dialled" timeLimit="5"><Number url="${home}/accept" statusCallback="${home}/leg"
    statusCallbackEvent="initiated ringing answered completed">${number}</Number></Dial></Response>`;
  for (const [number, bridged] of [["+15551004", "true"], ["+15551001", "false"]]) {
    const call = await client.calls.create({ to: "+15551001", from, twiml: dial(number) });
    await untilStatus(call, "completed");
    const [request] = seen("/dialled", call.sid);
    assert.equal(request.params.DialBridged, bridged);
    assert.equal(request.params.DialCallStatus, "completed");
    await until("the statuses of the leg", () => seen("/leg", request.params.DialCallSid).length === 4);
    assert.equal(seen("/leg", request.params.DialCallSid)[0].params.Direction, "outbound-dial");
  }
});

await test("a one-way stream is started and stopped, and its failure is told of", async () => {
  const call = await client.calls.create({ to: "+15551001", from, twiml: hold });
  await untilStatus(call, "in-progress");
  const error = await refused(client.calls(call.sid).streams.create({ url: "wss://127.0.0.1:1/listen?x=1" }));
  assert.equal(error.code, 31920);
  const stream = await client.calls(call.sid).streams.create({
    url: `ws://127.0.0.1:${sockets.address().port}/listen`, name: "ear", "parameter1.name": "lead", "parameter1.value": "42",
    statusCallback: `${home}/stream`,
  });
  assert.match(stream.sid, /^MZ[0-9a-f]{32}$/);
  assert.equal(stream.status, "in-progress");
  await until("the start", () => seen("/stream", call.sid).some((each) => each.params.StreamEvent === "stream-started"));
  const opening = await until("the messages", () => (listened.length >= 4 ? listened : null));
  assert.deepEqual(opening.slice(0, 3).map((each) => each.event), ["connected", "start", "media"]);
  assert.deepEqual(opening[1].start.customParameters, { lead: "42" });
  assert.equal((await client.calls(call.sid).streams("ear").update({ status: "stopped" })).status, "stopped");
  await until("the end", () => seen("/stream", call.sid).some((each) => each.params.StreamEvent === "stream-stopped"));
  assert.equal((await fetchStatus(call)), "in-progress");
  await client.calls(call.sid).streams.create({ url: "ws://127.0.0.1:1/nobody", statusCallback: `${home}/stream` });
  await until("the error", () => seen("/stream", call.sid).some((each) => each.params.StreamEvent === "stream-error"));
  for (const each of seen("/stream", call.sid)) {
    assert.ok(twilio.validateRequest(token, each.signature, each.url, each.params));
  }
  await client.calls(call.sid).update({ status: "completed" });
});

await test("too many requests are 429 with 20429, on demand", async () => {
  await fetch(`${exchange}/exchange/faults`, { method: "PUT", body: JSON.stringify({ too_many: 2 }) });
  for (let turn = 0; turn < 2; turn++) assert.equal((await refused(client.calls.list({ limit: 1 }))).code, 20429);
  assert.equal((await client.calls.list({ limit: 1 })).length, 1);
});

await test("a machine is told from a person", async () => {
  for (const [to, answeredBy] of [["+15551009", "machine_start"], ["+15551001", "human"]]) {
    const call = await client.calls.create({ to, from, url: `${home}/detected`, machineDetection: "Enable" });
    await until("the request", () => seen("/detected", call.sid).length === 1);
    assert.equal(seen("/detected", call.sid)[0].params.AnsweredBy, answeredBy);
    assert.equal((await client.calls(call.sid).fetch()).answeredBy, answeredBy);
  }
});

finish();
