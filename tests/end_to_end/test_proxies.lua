#!/usr/bin/env -S bash -c 'cd "${0%/*}/../.." && exec "${CALLISTO:-build/callisto}" lua "tests/end_to_end/${0##*/}" "$@"'
-- Behind nginx, HAProxy and Caddy as Debian has them: what one of them reads and the server would read differently is how
-- their rules are passed by. Requests that hide headers, bodies within bodies, paths in disguise; and what must go through:
-- signed webhooks with any legal URL, and media sockets.

local http = require "callisto.http"
local json = require "callisto.json"
local kit = dofile "tests/end_to_end/kit.lua"

local KEY = "only-for-the-proxies"

-- The proxies ----------------------------------------------------------------------------------------------------------

-- Each forwards everything to the server and adds X-Forwarded-For, but refuses what begins with /api when `is_closed`.
local proxies = {
  {
    name = "nginx",
    config = function(port, server, is_closed, folder)
      return ([[
        pid FOLDER/pid; error_log stderr error; worker_processes 1; daemon off;
        events { worker_connections 256; }
        http {
          access_log off;
          client_body_temp_path FOLDER/a; proxy_temp_path FOLDER/b; fastcgi_temp_path FOLDER/c;
          uwsgi_temp_path FOLDER/d; scgi_temp_path FOLDER/e;
          map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
          server {
            listen 127.0.0.1:PORT;
            RULE
            location / {
              proxy_pass http://127.0.0.1:SERVER; proxy_http_version 1.1;
              proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
              proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;
            }
          }
        }]]):gsub("%u%u%u%u+", {
        FOLDER = folder, PORT = port, SERVER = server, RULE = is_closed and "location /api { return 403; }" or "",
      })
    end,
    words = function(file, folder) return { "-p", folder, "-c", file } end,
  },
  {
    name = "haproxy",
    config = function(port, server, is_closed)
      return ([[
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  option forwardfor
frontend outside
  bind 127.0.0.1:PORT
RULE
  default_backend inside
backend inside
  server callisto 127.0.0.1:SERVER
]]):gsub("%u%u%u%u+", {
        PORT = port, SERVER = server, RULE = is_closed and "  http-request deny if { path_beg /api }" or "",
      })
    end,
    words = function(file) return { "-db", "-f", file } end,
  },
  {
    name = "caddy",
    config = function(port, server, is_closed)
      return ([[
{
  admin off
  auto_https off
}
http://:PORT {
  bind 127.0.0.1
  RULE
  reverse_proxy 127.0.0.1:SERVER
}
]]):gsub("%u%u%u%u+", { PORT = port, SERVER = server, RULE = is_closed and "@api path /api*\n  respond @api 403" or "" })
    end,
    words = function(file) return { "run", "--adapter", "caddyfile", "--config", file } end,
  },
}

-- A proxy that says nothing of itself: what comes out of it looks like a program on this machine.
local silent = {
  name = "nginx",
  config = function(port, server, _, folder)
    return (proxies[1].config(port, server, false, folder):gsub("proxy_set_header [^;]*;", ""))
  end,
  words = proxies[1].words,
}

local function start_proxy(proxy, server, is_closed)
  local port = kit.free_port()
  local folder = ("%s/%s-%d"):format(kit.scratch, proxy.name, port)
  kit.write(folder .. "/config", (proxy.config(port, server.port, is_closed, folder)))
  local options = proxy.words(folder .. "/config", folder)
  options.program, options.name = proxy.name, proxy.name
  options.env = { HOME = folder, XDG_DATA_HOME = folder, XDG_CONFIG_HOME = folder }
  local process = kit.start("", options)
  kit.wait_for(proxy.name .. " to listen", 20, function()
    if kit.exit_code(process) then error(proxy.name .. " ended:\n" .. kit.read(process.log), 0) end
    return kit.http("GET", ("http://127.0.0.1:%d/healthz"):format(port)) == 200
  end)
  process.port, process.url = port, ("http://127.0.0.1:%d"):format(port)
  return process
end

-- What must not get through --------------------------------------------------------------------------------------------

local function send_raw(port, bytes)
  local file = kit.scratch .. "/bytes"
  kit.write(file, bytes)
  return kit.shell(("node %s/raw.mjs %d <%s"):format(kit.here, port, file))
end

local function statuses(answer)
  local list = {}
  for status in answer:gmatch "HTTP/1%.1 (%d%d%d)" do list[#list + 1] = tonumber(status) end
  return list
end

local HIDING = { "X", "X-A", "A", "Auth", "Co", "Content-Lengt", "X-Forwarded-Fo", "Trans" }

local function test_hidden(proxy, open)
  for _, name in ipairs(HIDING) do
    kit.test(("%s: the header %s hides nobody's address"):format(proxy.name, name), function()
      local status = kit.http("GET", open.url .. "/api/calls", { headers = { [name] = "1" } })
      kit.equal(403, status, "status")
    end)
  end
end

local function test_metrics(proxy, open)
  kit.test(proxy.name .. ": metrics are not shown through it", function()
    kit.equal(403, (kit.http("GET", open.url .. "/metrics")), "status")
    kit.equal(403, (kit.http("GET", open.url .. "/metrics", { headers = { Host = "127.0.0.1" } })), "status with another Host")
  end)
end

-- The public URL is what tells that it is there.
local function test_silent(exchange)
  local env = { PUBLIC_BASE_URL = "https://voice.example.com" }
  local server = kit.server(exchange, { data = kit.scratch .. "/silent", env = env })
  local proxy = start_proxy(silent, server, false)
  kit.test("a proxy that adds nothing does not open the API", function()
    for _, url in ipairs { proxy.url, server.url } do
      local status, body = kit.http("GET", url .. "/api/calls")
      kit.equal(403, status, "status")
      kit.ok(body:find("PUBLIC_BASE_URL leads here from elsewhere", 1, true), body)
    end
    kit.ok(kit.read(server.log):find("the API serves nobody", 1, true), "the start does not say so")
  end)
end

local DISGUISED = {
  "/telephony/../api/calls", "/telephony/..%2fapi/calls", "/telephony/%2e%2e/api/calls", "/telephony/.%2E%2Fapi/calls",
  "/./api/calls", "//api/calls", "/%61pi/calls", "/api%2Fcalls", "/telephony/..\\api\\calls", "/%2Fapi/calls", "/x//../api/calls",
}

local function get(path)
  return ("GET %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nConnection: close\r\n\r\n"):format(path, KEY)
end

local function test_disguises(proxy, closed)
  kit.test(proxy.name .. ": the rule holds for the path itself", function()
    kit.equal(403, statuses(send_raw(closed.port, get "/api/calls"))[1], "status")
  end)
  for _, path in ipairs(DISGUISED) do
    kit.test(("%s: %s does not lead round the rule"):format(proxy.name, path), function()
      local status = statuses(send_raw(closed.port, get(path)))[1]
      kit.ok(status == 400 or status == 403 or status == 404, "status " .. tostring(status))
    end)
  end
end

local INNER = get "/api/calls"
local SMUGGLED = {
  ["a length and chunks"] = ("POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n%s")
    :format(#INNER + 5, INNER),
  ["a space before the colon of the coding"] = "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: " .. #INNER + 5
    .. "\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n" .. INNER,
  ["a coding that is nearly one"] = "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: " .. #INNER + 5
    .. "\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" .. INNER,
  ["a folded coding"] = "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: " .. #INNER + 5
    .. "\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" .. INNER,
  ["a hidden coding"] = "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: " .. #INNER + 5
    .. "\r\nX: y\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" .. INNER,
  ["two lengths"] = ("POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: %d\r\n\r\n%s"):format(#INNER, INNER),
  ["a hidden length"] = ("POST /x HTTP/1.1\r\nHost: x\r\nX: y\r\nContent-Length: %d\r\n\r\n%s"):format(#INNER, INNER),
  ["a signed length"] = ("POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: +%d\r\n\r\n%s"):format(#INNER, INNER),
  ["a bare LF"] = "GET /x HTTP/1.1\r\nHost: x\r\nA: b\n\r\n" .. INNER:gsub("api", "%%61pi"),
  ["a chunk's line with LF"] = "POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;\nx\r\nA\r\n0\r\n\r\n"
    .. INNER,
}

-- The inner request is answered 200 only when somebody took it for one and the rule was not asked.
local function test_smuggling(proxy, closed)
  for what, bytes in pairs(SMUGGLED) do
    kit.test(("%s: %s smuggles nothing"):format(proxy.name, what), function()
      for _, status in ipairs(statuses(send_raw(closed.port, bytes))) do
        kit.ok(status ~= 200, "the request inside was answered")
      end
    end)
  end
  kit.test(proxy.name .. ": and the next client is served", function()
    kit.equal(200, (kit.http("GET", closed.url .. "/healthz")), "status")
  end)
end

-- What must get through ------------------------------------------------------------------------------------------------

local TARGETS = {
  "/telephony/twilio/inbound/long?foo=hello%20world", "/telephony/twilio/inbound/long?to=%2B1415&name=J+S&x=a@b,c:'d'",
  "/telephony/twilio/inbound/long?", "/telephony/twilio/inbound/long?a=1&&b=", "/telephony/twilio/inbound/lo%6Eg",
}

local serial = 0
local function webhook(open, server, target)
  serial = serial + 1
  local params = {
    CallSid = ("CA%032x"):format(0xdef000 + serial), AccountSid = kit.SID, From = "+15551001", To = kit.NUMBER,
    CallStatus = "ringing", Direction = "inbound",
  }
  local form = {}
  for name, value in pairs(params) do form[#form + 1] = { name, value } end
  local status, body = kit.http("POST", open.url .. target, { body = http.form(form), headers = {
    ["content-type"] = "application/x-www-form-urlencoded", ["x-twilio-signature"] = kit.sign(server.url .. target, params),
  } })
  return status, body, params.CallSid
end

local function test_passage(proxy, open, server)
  for _, target in ipairs(TARGETS) do
    kit.test(("%s: a signature over %s holds"):format(proxy.name, target), function()
      kit.equal(200, (webhook(open, server, target)), "status")
    end)
  end
  kit.test(proxy.name .. ": a media socket runs to its end", function()
    local _, body, sid = webhook(open, server, "/telephony/twilio/inbound/long")
    local url = body:match('url="ws://127%.0%.0%.1:%d+([^"]+)"')
    local text = kit.shell(("node %s/hostile.mjs %s proper %s 2>&1"):format(
      kit.here, kit.quote(("ws://127.0.0.1:%d%s"):format(open.port, url)), sid))
    local seen = json.decode(text)
    kit.ok(type(seen) == "table", "the client failed: " .. text)
    kit.equal(101, seen.status, "status of the upgrade")
    kit.ok(seen.ended, "the socket was still open after 20 s")
    kit.ok(seen.received > 0, "nothing was received")
  end)
end

return kit.run(function()
  local exchange = kit.exchange()
  local open_server = kit.server(exchange)
  local closed_server = kit.server(exchange, { data = kit.scratch .. "/closed", env = { CALLISTO_API_KEYS = KEY } })
  kit.equal(200, statuses(send_raw(closed_server.port, INNER))[1], "status of what the proxies keep out")
  for _, proxy in ipairs(proxies) do
    local open, closed = start_proxy(proxy, open_server, false), start_proxy(proxy, closed_server, true)
    test_hidden(proxy, open)
    test_metrics(proxy, open)
    test_disguises(proxy, closed)
    test_smuggling(proxy, closed)
    test_passage(proxy, open, open_server)
  end
  test_silent(exchange)
end)
