// What the tests of Plivo's SDK share, against Plivo's face and against Vobiz's: requests led to the exchange, and an
// application that keeps what it receives.

import http from "node:http";
import https from "node:https";
import { serve } from "./kit.mjs";

export { refused, Tests, until } from "./kit.mjs";

// The SDK asks https://api.plivo.com, whatever it is told; the requests go to the exchange, changed by `change`.
export function lead(exchange, change = (options) => options) {
  const { hostname, port } = new URL(exchange);
  https.request = (options, done) =>
    http.request(change({ ...options, protocol: "http:", hostname, host: hostname, port, agent: undefined }), done);
}

// Keeps what it receives, and says what `answers` holds for a path.
export async function listen(wanted) {
  const application = { received: [], answers: {} };
  application.home = await serve((request, body) => {
    const [path, query] = request.url.split("?");
    const params = Object.fromEntries(new URLSearchParams(request.method === "POST" ? body : query));
    const headers = Object.fromEntries(wanted.map((name) => [name, request.headers[name]]));
    application.received.push({ method: request.method, url: application.home + request.url, path, params, headers });
    return { type: "text/xml", body: application.answers[path] ?? "<Response/>" };
  });
  application.of = (path, id) =>
    application.received.filter((each) => each.path === path && (!id || each.params.RequestUUID === id));
  return application;
}
