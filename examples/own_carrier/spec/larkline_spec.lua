-- Larkline: the adapter's words, and whole calls over it.

local crypto = require "callisto.crypto"
local exchange = require "callisto.spec"
local json = require "callisto.json"
local larkline = require "providers.carriers.larkline"

local BASE, ACCOUNT = "https://voice.example.com", { secret = "tweet" }

local function message(body, signature)
  local text = type(body) == "table" and json.encode(body) or body
  local right = crypto.hex(crypto.hmac("sha256", ACCOUNT.secret, BASE .. "/larkline/answer" .. text))
  return { method = "POST", path = "/larkline/answer", query = "", body = text,
    headers = { ["x-larkline-signature"] = signature or right } }
end

describe("Larkline's adapter", function()
  it("knows its carrier by the signature", function()
    assert.is_true(larkline.webhook.verify(message { call = "lark1" }, BASE, ACCOUNT))
    assert.equal(403, select(3, larkline.webhook.verify(message({ call = "lark1" }, ("0"):rep(64)), BASE, ACCOUNT)))
    local bare = message { call = "lark1" }
    bare.headers = {}
    assert.equal(401, select(3, larkline.webhook.verify(bare, BASE, ACCOUNT)))
  end)

  it("reads every ending", function()
    local reasons = { done = "COMPLETED", busy = "BUSY", silent = "NO_ANSWER", broken = "FAILED", withdrawn = "CANCELED" }
    for why, expected in pairs(reasons) do
      local status = larkline.webhook.status(message { call = "lark1", state = "over", why = why })
      assert.equal(expected, status.reason)
      assert.is_true(status.is_terminal)
    end
    assert.is_false(larkline.webhook.status(message { call = "lark1", state = "ringing" }).is_terminal)
  end)

  it("refuses what makes no sense", function()
    for _, body in ipairs { "", "[]", "{", '{"call":7,"state":"up"}', '{"state":"up"}', '"over"', "null" } do
      assert.is_nil((larkline.webhook.status(message(body))))
      assert.is_nil((larkline.webhook.read(message(body))))
    end
  end)

  it("knows when somebody's telephone may be ringing", function()
    assert.equal("placed", (larkline.requests.place[2] { status = 201, body = '{"call":"lark1"}' }))
    assert.equal("not_placed", (larkline.requests.place[2] { status = 422, body = '{"error":"no such number"}' }))
    assert.equal("not_placed", (larkline.requests.place[2](nil, "refused", "ECONNREFUSED", false)))
    assert.equal("unknown", (larkline.requests.place[2](nil, "time-out", "ETIMEDOUT", true)))
    assert.equal("unknown", (larkline.requests.place[2] { status = 500, body = "" }))
    assert.equal("unknown", (larkline.requests.place[2] { status = 201, body = "{}" }))
  end)
end)

describe("a call over Larkline", function()
  local account = { LARKLINE_SECRET = "tweet", LARKLINE_NUMBER = "+14155550100" }

  it("is placed, answered and hung up", function()
    local caller = exchange.call { template = "hello", carrier = "larkline", env = account, payload = { name = "Ann" } }
    caller:hears "Hello Ann"
    caller:hears "Does it work"
    caller:presses "1"
    caller:hears "Goodbye"
    assert.equal("WORKS", caller:ended().outcome)
  end)

  it("comes in", function()
    local caller = exchange.call { template = "hello", carrier = "larkline", env = account, inbound = true }
    caller:hears "Does it work"
    caller:says "no"
    assert.equal("BROKEN", caller:ended().outcome)
  end)
end)
