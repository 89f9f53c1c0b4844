// The official clients of language models, unmodified, against the doubles of the exchange: OpenAI, Anthropic, Google.
//
// usage: node models.mjs EXCHANGE_URL

import assert from "node:assert/strict";
import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import OpenAI from "openai";
import { refused, Tests } from "./support/kit.mjs";

const exchange = process.argv[2];
const key = "sk-only-for-the-tests";
const { test, finish } = new Tests();

const parameters = { type: "object", properties: { id: { type: "string" } }, required: ["id"] };
const wanted = { id: "7", note: "über" };

async function all(stream) {
  const list = [];
  for await (const each of stream) list.push(each);
  return list;
}

// ---- OpenAI

const openai = new OpenAI({ apiKey: key, baseURL: `${exchange}/v1`, maxRetries: 0 });
const tools = [{ type: "function", function: { name: "find_order", description: "An order", parameters } }];
const chat = (content, more = {}) =>
  openai.chat.completions.create({ model: "gpt-4.1-mini", messages: [{ role: "user", content }], tools, ...more });

await test("OpenAI: an answer comes whole", async () => {
  const answer = await chat("Hello?");
  assert.equal(answer.choices[0].message.content, "I can look up orders.");
  assert.equal(answer.choices[0].finish_reason, "stop");
  assert.ok(answer.usage.total_tokens > 0);
});

await test("OpenAI: text, tools and usage are streamed", async () => {
  const records = await all(await chat("my order", { stream: true, stream_options: { include_usage: true } }));
  const deltas = records.flatMap((each) => each.choices).map((each) => each.delta);
  assert.equal(deltas.map((each) => each.content ?? "").join(""), "One moment, please.");
  const pieces = deltas.flatMap((each) => each.tool_calls ?? []);
  const text = pieces.filter((each) => each.index === 0).map((each) => each.function.arguments).join("");
  assert.deepEqual(JSON.parse(text), wanted);
  assert.deepEqual(pieces.filter((each) => each.id).map((each) => each.function.name), ["find_order", "hang_up"]);
  assert.ok(records.at(-1).usage.completion_tokens > 0);
});

await test("OpenAI: the client's own helper runs the tools", async () => {
  const runner = openai.chat.completions.runTools({
    model: "gpt-4.1-mini", stream: true, messages: [{ role: "user", content: "Where is my order?" }],
    tools: [
      { type: "function", function: { name: "find_order", parameters, parse: JSON.parse, function: ({ id }) => `packed, ${id}` } },
      { type: "function", function: { name: "hang_up", parameters: { type: "object", properties: {} }, function: () => "done" } },
    ],
  });
  assert.equal(await runner.finalContent(), "It is packed, 7.");
});

await test("OpenAI: refusals are its own", async () => {
  const busy = await refused(chat("busy"));
  assert.ok(busy instanceof OpenAI.RateLimitError);
  assert.equal(busy.headers.get("retry-after"), "2");
  const stranger = await refused(new OpenAI({ apiKey: "wrong", baseURL: `${exchange}/v1`, maxRetries: 0 }).chat.completions.create({
    model: "m", messages: [{ role: "user", content: "Hello" }],
  }));
  assert.ok(stranger instanceof OpenAI.AuthenticationError);
  assert.equal(stranger.code, "invalid_api_key");
  const unknown = await refused(chat("Hello", { frobnicate: true }));
  assert.ok(unknown instanceof OpenAI.BadRequestError);
  assert.match(unknown.message, /frobnicate/);
});

await test("OpenAI: a stream breaks off, fails, and is left", async () => {
  await refused(all(await chat("break off", { stream: true })));
  const failed = await refused(all(await chat("fail", { stream: true })));
  assert.equal(failed.code, "server_error");
  const stream = await chat("long", { stream: true });
  for await (const record of stream) if (record.choices[0]?.delta.content) break;
});

// ---- Anthropic

const anthropic = new Anthropic({ apiKey: key, baseURL: exchange, maxRetries: 0 });
const claude = (content, more = {}) => ({
  model: "claude-haiku-4-5", max_tokens: 300, messages: [{ role: "user", content }],
  tools: [{ name: "find_order", description: "An order", input_schema: parameters }], ...more,
});

await test("Anthropic: an answer comes whole", async () => {
  const answer = await anthropic.messages.create(claude("Hello?"));
  assert.deepEqual(answer.content, [{ type: "text", text: "I can look up orders." }]);
  assert.equal(answer.stop_reason, "end_turn");
});

await test("Anthropic: the client's stream gathers text, tools and usage", async () => {
  const stream = anthropic.messages.stream(claude("my order"));
  const message = await stream.finalMessage();
  assert.equal(message.content[0].text, "One moment, please.");
  assert.deepEqual(message.content[1].input, wanted);
  assert.deepEqual(message.content.slice(1).map((each) => each.name), ["find_order", "hang_up"]);
  assert.equal(message.stop_reason, "tool_use");
  assert.ok(message.usage.output_tokens > 1);
  const results = message.content.slice(1).map((each) => ({ type: "tool_result", tool_use_id: each.id, content: "packed" }));
  const next = await anthropic.messages.create(claude("", {
    messages: [{ role: "user", content: "my order" }, { role: "assistant", content: message.content }, { role: "user", content: results }],
  }));
  assert.equal(next.content[0].text, "It is packed.");
});

await test("Anthropic: refusals are its own", async () => {
  assert.ok(await refused(anthropic.messages.create(claude("busy"))) instanceof Anthropic.RateLimitError);
  const wrong = new Anthropic({ apiKey: "wrong", baseURL: exchange, maxRetries: 0 });
  const stranger = await refused(wrong.messages.create(claude("Hello")));
  assert.ok(stranger instanceof Anthropic.AuthenticationError);
  assert.equal(stranger.error.error.type, "authentication_error");
  const open = await refused(anthropic.messages.create(claude("", { messages: [
    { role: "user", content: "x" }, { role: "assistant", content: [{ type: "tool_use", id: "t1", name: "find_order", input: {} }] },
    { role: "user", content: "Hello?" },
  ] })));
  assert.match(open.message, /t1/);
});

await test("Anthropic: a stream breaks off and fails", async () => {
  await refused(anthropic.messages.stream(claude("break off")).finalMessage());
  const failed = await refused(anthropic.messages.stream(claude("fail")).finalMessage());
  assert.match(failed.message, /Overloaded/);
});

// ---- Google

const google = new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: exchange, retryOptions: { attempts: 1 } } });
const config = { tools: [{ functionDeclarations: [{ name: "find_order", description: "An order", parametersJsonSchema: parameters }] }] };
const gemini = (contents) => ({ model: "gemini-2.5-flash", contents, config });

await test("Google: an answer comes whole", async () => {
  assert.equal((await google.models.generateContent(gemini("Hello?"))).text, "I can look up orders.");
});

await test("Google: text and tools are streamed", async () => {
  const records = await all(await google.models.generateContentStream(gemini("my order")));
  const parts = records.flatMap((each) => each.candidates[0].content.parts);
  assert.equal(parts.map((each) => each.text ?? "").join(""), "One moment, please.");
  const calls = parts.filter((each) => each.functionCall).map((each) => each.functionCall);
  assert.deepEqual(calls.map((each) => each.name), ["find_order", "hang_up"]);
  assert.deepEqual(calls[0].args, wanted);
  assert.equal(records.at(-1).candidates[0].finishReason, "STOP");
  const results = calls.map(({ id, name }) => ({ functionResponse: { id, name, response: { output: "packed" } } }));
  const next = await google.models.generateContent(gemini([
    { role: "user", parts: [{ text: "my order" }] }, { role: "model", parts: parts.filter((each) => each.functionCall) },
    { role: "user", parts: results },
  ]));
  assert.equal(next.text, "It is packed.");
});

await test("Google: refusals are its own", async () => {
  assert.equal((await refused(google.models.generateContent(gemini("busy")))).status, 429);
  const wrong = new GoogleGenAI({ apiKey: "wrong", httpOptions: { baseUrl: exchange, retryOptions: { attempts: 1 } } });
  const stranger = await refused(wrong.models.generateContent(gemini("Hello")));
  assert.equal(stranger.status, 400);
  assert.match(stranger.message, /API key not valid/);
});

await test("Google: a stream breaks off", async () => {
  await refused(google.models.generateContentStream(gemini("break off")).then(all));
});

finish();
