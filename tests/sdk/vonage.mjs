// The official Vonage SDK for node, unmodified, against the exchange: it is told another `apiHost`. @vonage/jwt's
// verifySignature checks the webhooks that a small application on loopback receives from the exchange.
//
// usage: node vonage.mjs EXCHANGE_URL

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Vonage } from "@vonage/server-sdk";
import { tokenGenerate, verifySignature } from "@vonage/jwt";
import { refused, serve, Tests, until } from "./support/kit.mjs";

const exchange = process.argv[2];
const { VONAGE_APPLICATION_ID, VONAGE_PRIVATE_KEY, VONAGE_SIGNATURE_SECRET, VONAGE_API_KEY } = process.env;
const from = { type: "phone", number: "14155550100" };
const { test, finish } = new Tests();

const client = (credentials) =>
  new Vonage({ apiKey: VONAGE_API_KEY, apiSecret: "unused", ...credentials }, { apiHost: exchange }).voice;
const voice = client({ applicationId: VONAGE_APPLICATION_ID, privateKey: VONAGE_PRIVATE_KEY });

const untilStatus = (call, status) =>
  until(`status ${status}`, async () => {
    const seen = await voice.getCall(call.uuid);
    return seen.status === status ? seen : null;
  });

// The application: keeps what it receives, and says what `answers` holds for a path.
const received = [];
const answers = {};
const home = await serve((request, body) => {
  const [path, query] = request.url.split("?");
  const fields = request.method === "POST" ? JSON.parse(body) : Object.fromEntries(new URLSearchParams(query));
  received.push({ method: request.method, path, fields, body, authorization: request.headers.authorization });
  const answer = answers[path] ?? [];
  return { status: answer.status, type: "application/json", body: JSON.stringify(answer.body ?? answer) };
});
const events = (call) => received.filter((each) => each.path === "/event" && each.fields.uuid === call.uuid);
const words = (call) => events(call).map((each) => each.fields.status);
const phone = (number) => [{ type: "phone", number }];
const hold = [{ action: "talk", text: '<speak><break time="60s"/></speak>' }];
const create = (number, more) => voice.createOutboundCall({ to: phone(number), from, ncco: hold, ...more });

await test("creates a call, and fetches it while it is up and after its end", async () => {
  const call = await create("15551001");
  assert.match(call.uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(call.status, "started");
  assert.equal(call.direction, "outbound");
  assert.match(call.conversationUUID, /^CON-/);
  const up = await untilStatus(call, "answered");
  assert.deepEqual(up.to, { type: "phone", number: "15551001" });
  assert.deepEqual(up.from, from);
  assert.equal(up.conversationUUID, call.conversationUUID);
  assert.ok(up.startTime);
  await voice.hangupCall(call.uuid);
  const ended = await untilStatus(call, "completed");
  assert.match(ended.duration, /^\d+$/);
  assert.ok(ended.endTime);
});

await test("hangs up a call that rings", async () => {
  const call = await create("15551003");
  await untilStatus(call, "ringing");
  await voice.hangupCall(call.uuid);
  await untilStatus(call, "cancelled");
});

await test("transfers a live call to another document, inline and by URL", async () => {
  answers["/second"] = [{ action: "talk", text: "Hello again" }, ...hold];
  const call = await create("15551001");
  await untilStatus(call, "answered");
  await voice.transferCallWithURL(call.uuid, `${home}/second`);
  await until("the second document", () => received.find((each) => each.path === "/second" && each.fields.uuid === call.uuid));
  await voice.transferCallWithNCCO(call.uuid, [{ action: "talk", text: "Bye" }]);
  await untilStatus(call, "completed");
});

await test("puts things on a live call", async () => {
  const call = await create("15551001");
  await untilStatus(call, "answered");
  assert.equal((await voice.playDTMF(call.uuid, "1p2#")).message, "DTMF sent");
  assert.equal((await voice.playTTS(call.uuid, { text: "Hi" })).message, "Talk started");
  assert.equal((await voice.stopTTS(call.uuid)).message, "Talk stopped");
  assert.equal((await voice.streamAudio(call.uuid, "https://example.com/a.mp3")).message, "Stream started");
  assert.equal((await voice.stopStreamAudio(call.uuid)).message, "Stream stopped");
  await voice.muteCall(call.uuid);
  await voice.unmuteCall(call.uuid);
  await voice.earmuffCall(call.uuid);
  await voice.unearmuffCall(call.uuid);
  await voice.hangupCall(call.uuid);
});

await test("lists calls, page by page and filtered", async () => {
  const seen = [];
  for await (const call of voice.getAllCalls({ pageSize: 2 })) seen.push(call.uuid);
  assert.equal(seen.length, 4);
  assert.equal(new Set(seen).size, 4);
  const cancelled = await voice.getCallsPage({ status: "cancelled" });
  assert.equal(cancelled.count, 1);
  assert.equal(cancelled._embedded.calls[0].to.number, "15551003");
  const late = await voice.getCallsPage({ dateStart: "2999-01-01T00:00:00Z" });
  assert.equal(late.count, 0);
});

await test("errors have the carrier's status and name the field", async () => {
  const cases = [
    [{ to: phone("12") }, "to[0].number"],
    [{ to: [...phone("15551001"), ...phone("15551002")] }, "to"],
    [{ from: { type: "phone", number: "abc" } }, "from.number"],
    [{ ncco: undefined }, "ncco"],
    [{ answerUrl: [`${home}/x`] }, "ncco"],
    [{ ringingTimer: 500 }, "ringing_timer"],
    [{ lengthTimer: 90000 }, "length_timer"],
    [{ eventUrl: ["ftp://x"] }, "event_url"],
  ];
  for (const [change, field] of cases) {
    const error = await refused(create("15551001", change));
    assert.equal(error.response.status, 400, field);
    const body = await error.response.json();
    assert.equal(body.error_title, "Bad Request");
    assert.equal(body.invalid_parameters[0].name, field);
  }
});

await test("a call that is not known, or over, is 404", async () => {
  assert.equal((await refused(voice.getCall("00000000-0000-4000-a000-000000000000"))).response.status, 404);
  const call = await create("15551002");
  await untilStatus(call, "busy");
  assert.equal((await refused(voice.hangupCall(call.uuid))).response.status, 404);
});

await test("another application, or a token that is over, is 401", async () => {
  const stranger = client({ applicationId: "00000000-0000-4000-a000-000000000000", privateKey: VONAGE_PRIVATE_KEY });
  assert.equal((await refused(stranger.getCallsPage({}))).response.status, 401);
  const ask = (token) => fetch(`${exchange}/v1/calls`, { headers: { authorization: `Bearer ${token}` } });
  const token = tokenGenerate(VONAGE_APPLICATION_ID, VONAGE_PRIVATE_KEY);
  assert.equal((await ask(token)).status, 200);
  assert.equal((await ask(token.slice(0, -8))).status, 401);
  const late = tokenGenerate(VONAGE_APPLICATION_ID, VONAGE_PRIVATE_KEY, { issued_at: 1000, ttl: -5 });
  assert.equal((await ask(late)).status, 401);
});

await test("too many requests are 429, once", async () => {
  assert.equal((await refused(create("15551011"))).response.status, 429);
  assert.equal((await create("15551011")).status, "started");
});

const claimsOf = (token) => JSON.parse(Buffer.from(token.split(".")[1], "base64url").toString());

await test("verifySignature accepts every webhook of a call, and its body is the one that was signed", async () => {
  answers["/answer"] = [
    { action: "talk", text: "Your number please", bargeIn: true },
    { action: "input", type: ["dtmf"], dtmf: { maxDigits: 4, timeOut: 5, submitOnHash: true }, eventUrl: [`${home}/keys`] },
  ];
  answers["/keys"] = [{ action: "notify", payload: { seen: true }, eventUrl: [`${home}/notified`] }];
  const call = await voice.createOutboundCall({
    to: phone("15551004"), from, answerUrl: [`${home}/answer`], answerMethod: "GET", eventUrl: [`${home}/event`],
  });
  await until("the last event", () => words(call).includes("completed"));
  const mine = received.filter((each) => each.fields.uuid === call.uuid);
  assert.deepEqual(new Set(mine.map((each) => each.path)), new Set(["/answer", "/keys", "/notified", "/event"]));
  assert.equal(mine.find((each) => each.path === "/answer").method, "GET");
  assert.equal(mine.find((each) => each.path === "/keys").fields.dtmf.digits, "12");
  assert.deepEqual(mine.find((each) => each.path === "/notified").fields.payload, { seen: true });
  const seen = new Set();
  for (const each of mine) {
    const token = each.authorization.replace(/^Bearer /, "");
    assert.ok(verifySignature(token, VONAGE_SIGNATURE_SECRET), each.path);
    assert.ok(!verifySignature(token, "another secret"));
    const claims = claimsOf(token);
    assert.equal(claims.iss, "Vonage");
    assert.equal(claims.api_key, VONAGE_API_KEY);
    assert.equal(claims.application_id, VONAGE_APPLICATION_ID);
    const hash = each.method === "POST" ? createHash("sha256").update(each.body).digest("hex") : undefined;
    assert.equal(claims.payload_hash, hash);
    seen.add(claims.jti);
  }
  assert.equal(seen.size, mine.length);
});

await test("events come with the carrier's words and fields", async () => {
  const call = await create("15551007", { eventUrl: [`${home}/event`] });
  await until("the last event", () => words(call).includes("completed"));
  assert.deepEqual(words(call).sort(), ["answered", "completed", "ringing", "started"]);
  const last = events(call).find((each) => each.fields.status === "completed").fields;
  assert.match(last.duration, /^\d+$/);
  assert.equal(last.to, "15551007");
  assert.equal(last.conversation_uuid, call.conversationUUID);
  for (const [number, word, more] of [["15551002", "busy", {}], ["15551003", "timeout", { ringingTimer: 1 }]]) {
    const other = await create(number, { eventUrl: [`${home}/event`], ...more });
    await until(word, () => words(other).includes(word));
  }
});

await test("an answer URL that fails is tried twice, and the call ends", async () => {
  answers["/broken"] = { status: 500, body: {} };
  const call = await voice.createOutboundCall({ to: phone("15551001"), from, answerUrl: [`${home}/broken`] });
  await untilStatus(call, "completed");
  assert.equal(received.filter((each) => each.path === "/broken").length, 2);
});

finish();
