// The official Telnyx SDK for node, unmodified, against the exchange. Its webhook validator checks what a small application
// on loopback receives from the exchange.
//
// usage: node telnyx.mjs EXCHANGE_URL

import assert from "node:assert/strict";
import Telnyx from "telnyx";
import { TelnyxWebhook } from "telnyx/lib/webhooks.js";
import { refused, serve, Tests, until } from "./support/kit.mjs";

const exchange = process.argv[2];
const account = process.env.TELNYX_ACCOUNT_SID;
const application_sid = process.env.TELNYX_APPLICATION_SID;
const from = "+14155550100";
const client = new Telnyx({ apiKey: process.env.TELNYX_API_KEY, baseURL: `${exchange}/v2`, maxRetries: 0 });
const { test, finish } = new Tests();

// The application: keeps what it receives, and says what `answers` holds for a path. `failing`: how often a path fails first.
const received = [];
const answers = {};
const failing = {};
const home = await serve((request, body) => {
  const path = request.url.split("?")[0];
  const params = Object.fromEntries(new URLSearchParams(body));
  received.push({ method: request.method, url: request.url, path, params, body, headers: request.headers });
  failing[path] = (failing[path] ?? 0) - 1;
  return { status: failing[path] >= 0 ? 500 : 200, type: "text/xml", body: answers[path] ?? "<Response/>" };
});
const hold = "<Response><Pause length=\"60\"/></Response>";

const calls = client.texml.accounts.calls;
const fetchCall = (sid) => calls.retrieve(sid, { account_sid: account });
const update = (sid, params) => calls.update(sid, { account_sid: account, ...params });
let number = 0;

// The interface does not name the call it creates: the first status callback does.
async function create(to, texml, more = {}) {
  const path = `/status-${++number}`;
  const answer = await calls.calls(account, {
    body: {
      ApplicationSid: application_sid, To: to, From: from, Texml: texml, StatusCallback: home + path,
      StatusCallbackEvent: "initiated ringing answered completed", ...more,
    },
  });
  assert.deepEqual(answer, { from, to, status: "queued" });
  const first = await until("the first status", () => received.find((each) => each.path === path));
  return { sid: first.params.CallSid, statuses: () => received.filter((each) => each.path === path) };
}

const untilStatus = (call, status) =>
  until(`status ${status}`, async () => {
    const seen = await fetchCall(call.sid);
    return seen.status === status ? seen : null;
  });

const key = (await client.get("/public_key")).data.public;
const webhook = new TelnyxWebhook(key);

await test("a call is created, fetched and hung up", async () => {
  const call = await create("+15551001", hold);
  assert.match(call.sid, /^v3:[\w-]+$/);
  const up = await untilStatus(call, "in-progress");
  assert.equal(up.account_sid, account);
  assert.equal(up.to, "+15551001");
  assert.equal(up.direction, "outbound");
  assert.ok(!Number.isNaN(Date.parse(up.start_time)));
  assert.deepEqual(await client.calls.actions.hangup(call.sid, {}), { data: { result: "ok" } });
  assert.match((await untilStatus(call, "completed")).duration, /^\d+$/);
  const error = await refused(client.calls.actions.hangup(call.sid, {}));
  assert.equal(error.status, 422);
  assert.equal(error.error.errors[0].code, "90018");
});

await test("a call that rings is cancelled", async () => {
  const call = await create("+15551003", hold);
  await update(call.sid, { Status: "completed" });
  await untilStatus(call, "canceled");
});

await test("a live call is given another document", async () => {
  answers["/second"] = "<Response><Say>Hello again</Say><Pause length=\"30\"/></Response>";
  const call = await create("+15551001", hold);
  await untilStatus(call, "in-progress");
  await update(call.sid, { Url: `${home}/second`, Method: "POST" });
  await until("the second document", () => received.find((each) => each.path === "/second" && each.params.CallSid === call.sid));
  await update(call.sid, { Texml: "<Response><Hangup/></Response>" });
  await untilStatus(call, "completed");
});

await test("keys are sent while the call goes on", async () => {
  const call = await create("+15551001", hold);
  await untilStatus(call, "in-progress");
  assert.equal((await client.calls.actions.sendDtmf(call.sid, { digits: "1w2#" })).data.result, "ok");
  assert.equal((await refused(client.calls.actions.sendDtmf(call.sid, { digits: "xyz" }))).status, 422);
  assert.equal((await fetchCall(call.sid)).status, "in-progress");
  await client.calls.actions.hangup(call.sid, {});
});

await test("calls are listed, page by page and filtered", async () => {
  const all = await calls.retrieveCalls(account, { PageSize: 100 });
  assert.ok(all.calls.length >= 4);
  const page = await calls.retrieveCalls(account, { PageSize: 2, Page: 1 });
  assert.deepEqual(page.calls.map((call) => call.sid), all.calls.slice(2, 4).map((call) => call.sid));
  const canceled = await calls.retrieveCalls(account, { Status: "canceled" });
  assert.deepEqual(canceled.calls.map((call) => call.to), ["+15551003"]);
});

await test("errors have the SDK's class, status and code", async () => {
  const good = { ApplicationSid: application_sid, To: "+15551001", From: from, Texml: hold };
  const cases = [
    [{ ...good, ApplicationSid: "7" }, Telnyx.UnprocessableEntityError, 422, "10015"],
    [{ ...good, To: "12" }, Telnyx.UnprocessableEntityError, 422, "10016"],
    [{ ...good, Url: "ftp://x" }, Telnyx.UnprocessableEntityError, 422, "10015"],
    [{ ...good, To: "+15552005" }, Telnyx.RateLimitError, 429, "10011"],
    [{ ...good, To: "+15552006" }, Telnyx.PermissionDeniedError, 403, "10039"],
  ];
  for (const [order, kind, status, code] of cases) {
    const error = await refused(calls.calls(account, { body: order }));
    assert.ok(error instanceof kind, String(error));
    assert.equal(error.status, status);
    assert.equal(error.error.errors[0].code, code);
  }
  assert.ok((await refused(fetchCall("v3:nobody"))) instanceof Telnyx.NotFoundError);
  const stranger = new Telnyx({ apiKey: "wrong", baseURL: `${exchange}/v2`, maxRetries: 0 });
  assert.ok((await refused(stranger.texml.accounts.calls.retrieveCalls(account))) instanceof Telnyx.AuthenticationError);
});

await test("the SDK's own retry gets past too many requests", async () => {
  await fetch(`${exchange}/exchange/faults`, { method: "PUT", body: JSON.stringify({ too_many: 1 }) });
  const patient = new Telnyx({ apiKey: process.env.TELNYX_API_KEY, baseURL: `${exchange}/v2`, maxRetries: 2 });
  assert.ok((await patient.texml.accounts.calls.retrieveCalls(account)).calls.length > 0);
});

await test("the SDK's validator accepts every webhook of a call, and none that was changed", async () => {
  answers["/document"] = '<Response><Gather numDigits="4" action="/digits?step=2" timeout="5"><Pause length="1"/></Gather></Response>';
  answers["/digits"] = "<Response><Redirect>/last?lang=en</Redirect></Response>";
  answers["/last"] = "<Response><Hangup/></Response>";
  const call = await create("+15551004", null, { Url: `${home}/document?tenant=blue`, UrlMethod: "POST" });
  await until("the last status", () => call.statuses().length === 4);
  const mine = received.filter((each) => each.params.CallSid === call.sid);
  for (const path of ["/document", "/digits", "/last"]) assert.ok(mine.some((each) => each.path === path), path);
  assert.equal(mine.find((each) => each.path === "/digits").params.Digits, "12");
  for (const each of mine) {
    await webhook.verify(each.body, each.headers);
    await assert.rejects(webhook.verify(`${each.body}&more=1`, each.headers));
    await assert.rejects(webhook.verify(each.body, { ...each.headers, "telnyx-timestamp": "1735689600" }));
    await assert.rejects(new TelnyxWebhook("11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=").verify(each.body, each.headers));
  }
});

await test("statuses come with the carrier's names and numbers", async () => {
  const call = await create("+15551007", hold);
  await until("the last status", () => call.statuses().length === 4);
  const inOrder = call.statuses().sort((a, b) => a.params.SequenceNumber - b.params.SequenceNumber);
  assert.deepEqual(inOrder.map((each) => each.params.CallStatus), ["initiated", "ringing", "in-progress", "completed"]);
  assert.match(inOrder[3].params.CallDuration, /^\d+$/);
  assert.equal(inOrder[3].params.HangupSource, "callee");
  assert.equal(inOrder[3].params.AccountSid, account);
});

await test("a callback that fails is sent again, signed anew", async () => {
  failing[`/status-${number + 1}`] = 1;
  const call = await create("+15551002", hold, { StatusCallbackEvent: "initiated" });
  await until("the second attempt", () => call.statuses().length === 2);
  const [first, second] = call.statuses();
  assert.equal(first.body, second.body);
  await webhook.verify(second.body, second.headers);
});

await test("a recording is started, stopped, told of and downloaded", async () => {
  const call = await create("+15551001", hold);
  await untilStatus(call, "in-progress");
  const recording = await calls.recordingsJson.recordingsJson(call.sid, {
    account_sid: account, RecordingChannels: "dual", RecordingStatusCallback: `${home}/recording`,
    RecordingStatusCallbackEvent: "in-progress completed",
  });
  assert.equal(recording.channels, 2);
  assert.equal((await calls.recordingsJson.retrieveRecordingsJson(call.sid, { account_sid: account })).recordings.length, 1);
  await calls.recordings.recordingSidJson(recording.sid, { account_sid: account, call_sid: call.sid, Status: "stopped" });
  const told = () => received.filter((each) => each.path === "/recording" && each.params.CallSid === call.sid);
  await until("the callback", () => told().length === 2);
  const ended = told()[1];
  assert.equal(ended.params.RecordingStatus, "completed");
  await webhook.verify(ended.body, ended.headers);
  const file = await fetch(ended.params.RecordingUrl);
  assert.equal(file.status, 200);
  assert.equal(Buffer.from(await file.arrayBuffer()).toString("latin1", 0, 4), "RIFF");
  assert.equal((await fetch(ended.params.RecordingUrl.replace(/\d+\.wav$/, "1735689600.wav"))).status, 403);
  const kept = await client.recordings.retrieve(recording.sid);
  assert.ok(kept.data.download_urls.wav);
  await client.calls.actions.hangup(call.sid, {});
});

finish();
