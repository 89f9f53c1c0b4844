-- Media sockets that carry more than sound: what a carrier says is wrong is in the log, on the call and told to its flow; half
-- a sample costs that sample alone.

local crypto = require "callisto.crypto"
local exchange = require "callisto.spec"
local lab = require "callisto.lab"

local SOURCE = [[return require "callisto.template" { name = "desk", on_call = function(call)
  call:on("carrier_error", function(_, about) call:fact("told", about) end)
  call:say "Hello, this is the desk." call:sleep "1m"
end }]]

-- Carrier, a message of its media socket, and the code and text that are made of it.
local ERRORS = {
  { "telnyx", '{"event":"error","stream_id":"s","payload":{"code":100003,"title":"malformed_frame","detail":"no frame"}}',
    "100003", "no frame" },
  { "telnyx", '{"event":"error","payload":{"code":100005,"title":"rate_limit"}}', "100005", "rate_limit" },
  { "plivo", '{"event":"error","streamId":"s","code":"4001","message":"bad payload"}', "4001", "bad payload" },
  { "plivo", '{"event":"playFailed","streamId":"s","reason":"wrong content type"}', "playFailed", "wrong content type" },
  { "vobiz", '{"event":"error","error":{"code":"X1","message":"bad payload"}}', "X1", "bad payload" },
  { "exotel", '{"event":"error","error":{"code":3001,"message":"bad chunk"}}', "3001", "bad chunk" },
}

local function has_line(world, text)
  for _, line in ipairs(world.lab:log()) do
    if line.text:find(text, 1, true) then return true end
  end
  return false
end

describe("an error on the media socket", function()
  for _, case in ipairs(ERRORS) do
    it(("of %s (%s: %s) is in the log, on the call and told to its flow"):format(case[1], case[3], case[4]), function()
      local world = exchange.open { carrier = case[1], sources = { ["templates.desk"] = SOURCE } }
      local caller = world:call { template = "desk", inbound = true }
      caller:hears "the desk."
      local _, status = world:ask_exchange("POST", ("/exchange/calls/%s/sends"):format(caller.line), { text = case[2] })
      assert.equal(204, status)
      world:advance(1)
      assert.same({ { code = case[3], text = case[4] } }, caller:facts "leg.error")
      assert.same({ { code = case[3], text = case[4] } }, caller:facts "told")
      assert.is_true(has_line(world, ("the other side tells error %s: %s"):format(case[3], case[4])))
      caller:hangs_up()
      assert.equal("CUSTOMER_HANGUP", caller:ended().reason)
    end)
  end

  it("that comes without end is told sixteen times, and the call goes on", function()
    local world = exchange.open { carrier = "telnyx", sources = { ["templates.desk"] = SOURCE } }
    local caller = world:call { template = "desk", inbound = true }
    local path = ("/exchange/calls/%s/sends"):format(caller.line)
    for _ = 1, 40 do world:ask_exchange("POST", path, { text = ERRORS[1][2] }) end
    caller:hears "the desk."
    assert.equal(16, #caller:facts "leg.error")
    caller:hangs_up():ended()
    assert.equal(40, caller:fact("leg.ended").errors)
  end)
end)

describe("a frame of an odd length", function()
  for _, case in ipairs {
    { "telnyx", "l16/8000" }, { "telnyx", "l16le/24000" },
    { "plivo", "l16/16000" }, { "vobiz", "l16/24000" }, { "exotel", "l16/8000" }, { "vonage", "l16/16000", is_binary = true },
  } do
    it(("of %s (%s) loses half a sample, not the rest"):format(case[1], case[2]), function()
      local wire = lab.wire(require("providers.carriers." .. case[1]).media[case[2]])
      local sound = ("\1\2"):rep(160) .. "\1"
      local text = case.is_binary and sound or ('{"event":"media","media":{"payload":"%s"}}'):format(crypto.base64(sound))
      local kind, about = wire:read(text, case.is_binary)
      assert.equal("audio", kind)
      assert.equal(320, #about.samples)
    end)
  end
end)
