// The official Plivo SDK for node, unmodified, against the exchange. Its validateV3Signature checks the webhooks that a small
// application on loopback receives from the exchange.
//
// usage: node plivo.mjs EXCHANGE_URL

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { lead, listen, refused, Tests, until } from "./support/plivo.mjs";

lead(process.argv[2]);
const plivo = createRequire(import.meta.url)("plivo");
const id = process.env.PLIVO_AUTH_ID;
const token = process.env.PLIVO_AUTH_TOKEN;
const from = "14155550100";
const client = new plivo.Client(id, token);
const tests = new Tests();
const application = await listen(["x-plivo-signature-v3", "x-plivo-signature-v3-nonce", "x-plivo-signature-ma-v3"]);
const { home, answers } = application;
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

answers["/hold"] = '<Response><Wait length="60"/></Response>';
const create = (to, path = "/hold", more = {}) =>
  client.calls.create(from, to, home + path, { answerMethod: "POST", hangupUrl: `${home}/hangup`, ringUrl: `${home}/ring`, ...more });
const answered = async (call, path = "/hold") =>
  (await until("the answer", () => application.of(path, call.requestUuid)[0])).params.CallUUID;
const ended = (call) => until("the end", () => application.of("/hangup", call.requestUuid)[0]);

await tests.test("creates a call", async () => {
  const call = await create("15551001");
  assert.equal(call.message, "call fired");
  assert.match(call.requestUuid, uuid);
  assert.match(call.apiId, uuid);
  await client.calls.hangup(await answered(call));
});

await tests.test("tells of a live call, and of its record when it is over", async () => {
  const call = await create("15551001");
  const callUuid = await answered(call);
  const live = await client.calls.getLiveCall(callUuid);
  assert.equal(live.callStatus, "in-progress");
  assert.equal(live.to, "15551001");
  assert.equal(live.requestUuid, call.requestUuid);
  assert.ok((await client.calls.listLiveCalls()).some((each) => each.callUuid === callUuid));
  await refused(client.calls.get(callUuid));
  await client.calls.hangup(callUuid);
  const end = (await ended(call)).params;
  assert.equal(end.HangupSource, "API Request");
  assert.equal(end.HangupCauseCode, "4000");
  const record = await client.calls.get(callUuid);
  assert.equal(record.callUuid, callUuid);
  assert.equal(record.callDirection, "outbound");
  assert.equal(record.hangupCauseCode, 4000);
  await refused(client.calls.getLiveCall(callUuid));
  await refused(client.calls.hangup(callUuid));
});

await tests.test("lists records, filtered", async () => {
  const list = await client.calls.list({ toNumber: "15551001", limit: 2 });
  assert.equal(list.length, 2);
  assert.ok(list.every((call) => call.toNumber === "15551001"));
});

await tests.test("withdraws a request that rings", async () => {
  const call = await create("15551003");
  await until("the ring", () => application.of("/ring", call.requestUuid)[0]);
  await client.calls.cancel(call.requestUuid);
  assert.equal((await ended(call)).params.CallStatus, "cancel");
});

await tests.test("tells of a busy line", async () => {
  const end = (await ended(await create("15551002"))).params;
  assert.equal(end.CallStatus, "busy");
  assert.equal(end.HangupCauseCode, "3010");
  assert.equal(end.HangupCauseName, "Busy Line");
});

await tests.test("moves a live call to another document", async () => {
  answers["/second"] = "<Response><Speak>Hello again</Speak><Hangup/></Response>";
  const call = await create("15551001");
  const moved = await client.calls.transfer(await answered(call), { legs: "aleg", alegUrl: `${home}/second`, alegMethod: "POST" });
  assert.equal(moved.message, "call transfered");
  await ended(call);
  assert.equal(application.of("/second", call.requestUuid)[0].params.Event, "Transfer");
});

await tests.test("records, and is told of the recording", async () => {
  const call = await create("15551001");
  const callUuid = await answered(call);
  const recording = await client.calls.record(callUuid, { callbackUrl: `${home}/recording`, timeLimit: 600 });
  assert.match(recording.recordingId, uuid);
  await client.calls.sendDigits(callUuid, "12#");
  await client.calls.stopRecording(callUuid);
  const told = await until("the recording", () => application.of("/recording")[0]);
  assert.equal(told.params.RecordingID, recording.recordingId);
  await client.calls.hangup(callUuid);
});

await tests.test("errors have the status and the text that the SDK expects", async () => {
  const error = await refused(client.calls.create(from, "12", `${home}/hold`));
  assert.equal(error.status, 400);
  assert.match(error.message, /to parameter is not a valid number/);
  const stranger = new plivo.Client(id, "wrong");
  const unknown = await refused(stranger.calls.create(from, "15551001", `${home}/hold`));
  assert.equal(unknown.status, 401);
  const nobody = await refused(client.calls.hangup("30852c23-0000-4000-a000-000000000009"));
  assert.equal(nobody.status, 404);
});

await tests.test("validateV3Signature accepts every webhook of a call, and none that was changed", async () => {
  answers["/document"] =
    '<Response><GetInput numDigits="4" finishOnKey="#" action="/digits?step=2" inputType="dtmf"><Wait length="1"/></GetInput></Response>';
  answers["/digits"] = '<Response><Redirect method="GET">/last?lang=en</Redirect></Response>';
  answers["/last"] = "<Response><Hangup/></Response>";
  const call = await create("15551004", "/document?tenant=blue&x=1", { hangupUrl: `${home}/hangup?call=7` });
  await ended(call);
  const mine = application.received.filter((each) => each.params.RequestUUID === call.requestUuid);
  assert.deepEqual(new Set(mine.map((each) => each.path)), new Set(["/ring", "/document", "/digits", "/last", "/hangup"]));
  assert.equal(mine.find((each) => each.path === "/digits").params.Digits, "12");
  for (const each of mine) {
    const holds = (params, key = token, url = each.url) =>
      plivo.validateV3Signature(each.method, url, each.headers["x-plivo-signature-v3-nonce"], key,
        each.headers["x-plivo-signature-v3"], params);
    const params = each.method === "POST" ? each.params : {};
    assert.ok(holds({ ...params }), `${each.method} ${each.url}`);
    assert.ok(!holds({ ...params }, "another token"));
    assert.ok(!holds({ ...params, CallStatus: "changed" }));
    assert.ok(!holds({ ...params }, token, `${each.url}${each.url.includes("?") ? "&" : "?"}more=1`));
  }
});

await tests.test("XML written by the SDK is obeyed", async () => {
  const response = new plivo.Response();
  response.addSpeak("Hello");
  response.addDTMF("1w2");
  response.addRedirect(`${home}/obeyed`, { method: "POST" });
  answers["/written"] = response.toXML();
  answers["/obeyed"] = new plivo.Response().toXML();
  const call = await create("15551001", "/written");
  const end = await ended(call);
  assert.equal(application.of("/obeyed", call.requestUuid).length, 1);
  assert.equal(end.params.HangupCauseCode, "4010");
});

await tests.test("dials somebody, and tells the action what came of it", async () => {
  const dial = (to) => `<Response><Dial action="/dialed" callbackUrl="${home}/dial"><Number>${to}</Number></Dial></Response>`;
  answers["/dialed"] = "<Response><Hangup/></Response>";
  for (const [to, status] of [["15551007", "completed"], ["15551002", "busy"], ["15559999", "failed"]]) {
    answers[`/dial-${to}`] = dial(to);
    const call = await create("15551001", `/dial-${to}`);
    await ended(call);
    const told = application.of("/dialed", call.requestUuid)[0].params;
    assert.equal(told.DialStatus, status);
    assert.equal(told.DialBLegUUID === "", status !== "completed");
    const actions = application.of("/dial", call.requestUuid).map((each) => each.params.DialAction);
    assert.deepEqual(actions, status === "completed" ? ["answer", "hangup"] : []);
  }
});

await tests.test("joins two in a conference, which ends with the one who ends it", async () => {
  const room = (ends) =>
    `<Response><Conference endConferenceOnExit="${ends}" callbackUrl="${home}/room">room-42</Conference></Response>`;
  answers["/guest"] = room(false);
  answers["/host"] = room(true);
  const guest = await create("15551001", "/guest");
  await until("the guest", () => application.of("/room", guest.requestUuid)[0]);
  const host = await create("15551001", "/host");
  await until("the host", () => application.of("/room", host.requestUuid)[0]);
  await client.calls.hangup(await answered(host, "/host"));
  await ended(guest);
  const actions = (call) => application.of("/room", call.requestUuid).map((each) => each.params.ConferenceAction);
  await until("both exits", () => actions(guest).length === 2 && actions(host).length === 2);
  assert.deepEqual(actions(guest), ["enter", "exit"]);
  assert.equal(application.of("/room", guest.requestUuid)[0].params.ConferenceName, "room-42");
});

await tests.test("a document that begins with a hang-up ends the call, and so do broken ones", async () => {
  answers["/bye"] = "<Response><Hangup/></Response>";
  const bye = (await ended(await create("15551001", "/bye"))).params;
  assert.equal(bye.CallStatus, "completed");
  assert.equal(bye.HangupSource, "Answer XML");
  answers["/broken"] = "<Response><Speak>";
  const end = (await ended(await create("15551001", "/broken"))).params;
  assert.equal(end.CallStatus, "completed");
  answers["/none"] = "<html/>";
  assert.equal((await ended(await create("15551001", "/none"))).params.Event, "Hangup");
});

tests.finish();
