// The official clients of voices, unmodified, against the doubles of the exchange, over HTTP: OpenAI, ElevenLabs, Deepgram,
// Cartesia, Sarvam.
//
// usage: node voices.mjs EXCHANGE_URL

import assert from "node:assert/strict";
import Cartesia from "@cartesia/cartesia-js";
import { DeepgramClient } from "@deepgram/sdk";
import { ElevenLabsClient } from "@elevenlabs/elevenlabs-js";
import OpenAI from "openai";
import { SarvamAIClient } from "sarvamai";
import { refused, Tests } from "./support/kit.mjs";

const exchange = process.argv[2];
const apiKey = "only-for-the-tests";
const { test, finish } = new Tests();
const text = "Your balance is forty dollars.";

// It sounds for about as long as it takes to say it, and is not silence.
function speaks(bytes, rate, width) {
  const seconds = bytes.length / rate / width;
  assert.ok(seconds > 1 && seconds < 5, `${seconds} s of sound`);
  assert.ok(new Set(bytes).size > 20, "it is silent");
}

async function all(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

await test("OpenAI: speech comes as it is made, or as events", async () => {
  const client = new OpenAI({ apiKey, baseURL: `${exchange}/v1`, maxRetries: 0 });
  const wanted = { model: "gpt-4o-mini-tts", voice: "marin", input: text, response_format: "pcm" };
  const answer = await client.audio.speech.create(wanted);
  assert.equal(answer.headers.get("transfer-encoding"), "chunked");
  speaks(Buffer.from(await answer.arrayBuffer()), 24000, 2);
  const events = await (await client.audio.speech.create({ ...wanted, stream_format: "sse" })).text();
  assert.match(events, /speech\.audio\.delta/);
  assert.match(events, /speech\.audio\.done/);
  const other = await refused(client.audio.speech.create({ ...wanted, response_format: "mp3" }));
  assert.ok(other instanceof OpenAI.BadRequestError);
});

await test("ElevenLabs: speech is streamed", async () => {
  const client = new ElevenLabsClient({ apiKey, baseUrl: exchange, maxRetries: 0 });
  const wanted = { text, modelId: "eleven_flash_v2_5", outputFormat: "ulaw_8000" };
  speaks(await all(await client.textToSpeech.stream("anna", wanted)), 8000, 1);
  const other = await refused(client.textToSpeech.stream("anna", { ...wanted, outputFormat: "mp3_44100_128" }));
  assert.equal(other.statusCode, 400);
});

await test("Deepgram: speech is streamed", async () => {
  const client = new DeepgramClient({ apiKey, environment: { base: exchange, production: exchange, agent: exchange, agentRest: exchange } });
  const wanted = { text, model: "aura-2-thalia-en", encoding: "mulaw", sample_rate: 8000, container: "none" };
  const answer = await client.speak.v1.audio.generate(wanted);
  speaks(Buffer.from(await answer.arrayBuffer()), 8000, 1);
  const long = await refused(client.speak.v1.audio.generate({ ...wanted, text: "x".repeat(2001) }));
  assert.equal(long.statusCode, 400);
});

await test("Cartesia: speech is streamed", async () => {
  const client = new Cartesia({ apiKey, baseURL: exchange, maxRetries: 0 });
  const wanted = {
    model_id: "sonic-3", transcript: text, voice: { mode: "id", id: "f786b574-daa5-4673-aa0c-cbe3e8534c02" },
    output_format: { container: "raw", encoding: "pcm_alaw", sample_rate: 8000 },
  };
  const answer = await client.tts.generate(wanted);
  speaks(Buffer.from(await answer.arrayBuffer()), 8000, 1);
  const other = await refused(client.tts.generate({ ...wanted, output_format: { container: "mp3", sample_rate: 44100, bit_rate: 128000 } }));
  assert.ok(other instanceof Cartesia.BadRequestError);
});

await test("Sarvam: speech comes whole", async () => {
  const client = new SarvamAIClient({
    apiSubscriptionKey: apiKey, environment: { base: exchange, creative: exchange, production: exchange }, maxRetries: 0,
  });
  const wanted = { text, language_code: "en-IN", speaker: "anushka", speech_sample_rate: 8000, output_audio_codec: "mulaw" };
  const answer = await client.textToSpeech.convert(wanted);
  speaks(Buffer.from(answer.audios.join(""), "base64"), 8000, 1);
  assert.equal((await refused(client.textToSpeech.convert({ ...wanted, output_audio_codec: "mp3" }))).statusCode, 400);
});

finish();
