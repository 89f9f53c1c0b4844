// What the tests of Plivo's SDK share, against Plivo's face and against Vobiz's: requests led to the exchange, an application
// that keeps what it receives, waiting, counting.

import http from "node:http";
import https from "node:https";

// The SDK asks https://api.plivo.com, whatever it is told; the requests go to the exchange, changed by `change`.
export function lead(exchange, change = (options) => options) {
  const { hostname, port } = new URL(exchange);
  https.request = (options, done) =>
    http.request(change({ ...options, protocol: "http:", hostname, host: hostname, port, agent: undefined }), done);
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export async function until(what, check, seconds = 20) {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(50)) {
    const value = await check();
    if (value) return value;
  }
  throw new Error(`waited ${seconds} s for ${what}`);
}

export async function refused(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("it was not refused");
}

export class Tests {
  passed = 0;
  failed = 0;
  async test(name, body) {
    try {
      await body();
      this.passed++;
      console.log(`ok      ${name}`);
    } catch (error) {
      this.failed++;
      console.log(`not ok  ${name}\n${error?.stack ?? error}`);
    }
  }
  finish() {
    console.log(`${this.passed} passed, ${this.failed} failed`);
    process.exit(this.failed === 0 ? 0 : 1);
  }
}

// Keeps what it receives, and says what `answers` holds for a path.
export async function listen(wanted) {
  const application = { received: [], answers: {} };
  const server = http.createServer((request, response) => {
    let body = "";
    request.on("data", (part) => (body += part));
    request.on("end", () => {
      const path = request.url.split("?")[0];
      const params = Object.fromEntries(new URLSearchParams(request.method === "POST" ? body : request.url.split("?")[1]));
      const headers = Object.fromEntries(wanted.map((name) => [name, request.headers[name]]));
      application.received.push({ method: request.method, url: application.home + request.url, path, params, headers });
      response.writeHead(200, { "content-type": "text/xml" });
      response.end(application.answers[path] ?? "<Response/>");
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  application.home = `http://127.0.0.1:${server.address().port}`;
  application.of = (path, id) =>
    application.received.filter((each) => each.path === path && (!id || each.params.RequestUUID === id));
  return application;
}
