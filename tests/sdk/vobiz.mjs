// Plivo's SDK for node, unmodified, against Vobiz's face: Vobiz has no SDK of its own for node, and its interface is Plivo's
// with another address, two headers instead of Basic authentication, and its own signature, which is recomputed here.
//
// usage: node vobiz.mjs EXCHANGE_URL

import assert from "node:assert/strict";
import crypto from "node:crypto";
import { createRequire } from "node:module";
import { lead, listen, refused, Tests, until } from "./support/plivo.mjs";

const id = process.env.VOBIZ_AUTH_ID;
const token = process.env.VOBIZ_AUTH_TOKEN;

// What somebody does who moves from Plivo to Vobiz and keeps the SDK.
lead(process.argv[2], (options) => {
  const headers = { ...options.headers };
  const [user, password] = Buffer.from(headers.Authorization.split(" ")[1], "base64").toString().split(":");
  delete headers.Authorization;
  return { ...options, path: `/api${options.path}`, headers: { ...headers, "X-Auth-ID": user, "X-Auth-Token": password } };
});

const plivo = createRequire(import.meta.url)("plivo");
const client = new plivo.Client(id, token);
const from = "912271264296";
const tests = new Tests();
const application = await listen(["x-vobiz-signature-v3", "x-vobiz-signature-v3-nonce", "x-vobiz-signature-v2",
  "x-vobiz-signature-v2-nonce"]);
const { home, answers } = application;

answers["/hold"] = '<Response><Wait length="60"/></Response>';
const create = (to, path = "/hold", more = {}) =>
  client.calls.create(from, to, home + path, { answerMethod: "POST", hangupUrl: `${home}/hangup`, ...more });
const ended = (call) => until("the end", () => application.of("/hangup", call.requestUuid)[0]);
const sign = (text) => crypto.createHmac("sha256", token).update(text).digest("base64");

await tests.test("creates a call whose id is that of the request, and hangs it up", async () => {
  const call = await create("15551001");
  const asked = await until("the answer", () => application.of("/hold", call.requestUuid)[0]);
  assert.equal(asked.params.CallUUID, call.requestUuid);
  assert.equal((await client.calls.getLiveCall(call.requestUuid)).callStatus, "in-progress");
  await client.calls.hangup(call.requestUuid);
  assert.equal((await ended(call)).params.CallStatus, "completed");
  assert.equal((await client.calls.get(call.requestUuid)).hangupCauseCode, 4000);
});

await tests.test("refuses a stranger and an order that makes no sense", async () => {
  const stranger = new plivo.Client(id, "wrong");
  const unknown = await refused(stranger.calls.create(from, "15551001", `${home}/hold`));
  assert.equal(unknown.status, 401);
  const senseless = await refused(client.calls.create(from, "12", `${home}/hold`));
  assert.equal(senseless.status, 422);
});

await tests.test("signs the URL without its query, and neither body nor query", async () => {
  const call = await create("15551002", "/hold", { hangupUrl: `${home}/hangup?call=7` });
  const { url, headers } = await ended(call);
  const base = url.split("?")[0];
  assert.equal(headers["x-vobiz-signature-v3"], sign(`${base}.${headers["x-vobiz-signature-v3-nonce"]}`));
  assert.equal(headers["x-vobiz-signature-v2"], sign(`${base}${headers["x-vobiz-signature-v2-nonce"]}`));
  assert.match(headers["x-vobiz-signature-v3-nonce"], /^\d{20}$/);
});

await tests.test("collects keys with <Gather>, and asks the action when there are none", async () => {
  answers["/gather"] = '<Response><Gather numDigits="2" action="/digits"><Wait length="1"/></Gather></Response>';
  answers["/digits"] = "<Response><Hangup/></Response>";
  const call = await create("15551004", "/gather");
  await ended(call);
  assert.equal(application.of("/digits", call.requestUuid)[0].params.Digits, "12");
});

tests.finish();
