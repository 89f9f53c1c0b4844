// What the tests of every SDK share: an application on loopback, waiting, counting.

import http from "node:http";

// An application. `reply` is given every request with its body and returns { status [200], type, body }. Returns its address.
export async function serve(reply) {
  const server = http.createServer((request, response) => {
    let body = "";
    request.on("data", (part) => (body += part));
    request.on("end", () => {
      const answer = reply(request, body);
      response.writeHead(answer.status ?? 200, { "content-type": answer.type });
      response.end(answer.body);
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${server.address().port}`;
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
  test = async (name, body) => {
    try {
      await body();
      this.passed++;
      console.log(`ok      ${name}`);
    } catch (error) {
      this.failed++;
      console.log(`not ok  ${name}\n${error?.stack ?? error}`);
    }
  };
  finish = () => {
    console.log(`${this.passed} passed, ${this.failed} failed`);
    process.exit(this.failed === 0 ? 0 : 1);
  };
}
