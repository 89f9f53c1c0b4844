-- Every path that is documented for one carrier is there for all of them, with and without a slash at its end.

local exchange = require "callisto.spec"
local twilio = require "spec.support.twilio"

local PREFIX = "/agent/voice/breeze-buddy"
local SOURCE = [[return require "callisto.template" { name = "desk", on_call = function(call) call:finish "DONE" end }]]
local WEBHOOKS = { "/answer", "/callback/status", "/callback/details", "/callback/transfer", "/callback/transfer/dial-up",
  "/callback/transfer/mpc-transfer", "/callback/transfer/conclude", "/callback/transfer/conference-end", "/dial-up" }
local SOCKETS = { "/callback/ws/v2", "/bridge/v2" }

local function open() return exchange.open { sources = { ["templates.desk"] = SOURCE } } end

local function status_of(world, method, path)
  return world:fetch({ method = method, url = "https://app.test" .. path, body = method == "POST" and "" or nil }).status
end

describe("the documented paths of", function()
  for _, carrier in ipairs { "twilio", "plivo", "vobiz", "exotel", "telnyx", "vonage" } do
    it(carrier .. " are there", function()
      local world = open()
      for _, prefix in ipairs { "", PREFIX } do
        for _, path in ipairs(WEBHOOKS) do
          for _, slash in ipairs { "", "/" } do
            local whole = prefix .. "/" .. carrier .. path .. slash
            assert.equal(401, status_of(world, "POST", whole), whole) -- it is there, and wants to be signed
          end
        end
        for _, path in ipairs(SOCKETS) do
          assert.equal(426, status_of(world, "GET", prefix .. "/" .. carrier .. path), prefix .. path)
        end
      end
      for _, path in ipairs { "/telephony/%s/inbound/desk/", "/telephony/%s/status/c1/" } do
        assert.equal(401, status_of(world, "POST", path:format(carrier)))
      end
      assert.equal(426, status_of(world, "GET", ("/ws/%s/desk/"):format(carrier)))
    end)
  end
end)

describe("a callback of a transfer", function()
  for _, path in ipairs { "/twilio/callback/transfer", PREFIX .. "/twilio/callback/transfer/conclude", "/twilio/dial-up" } do
    it("that nobody began is verified, written down and answered: " .. path, function()
      local world = open()
      local caller = world:call { template = "desk" }
      assert.equal(403, twilio.webhook(world, path, { CallSid = caller.carrier_call }, "AAAAAAAAAAAAAAAAAAAAAAAAAAA=").status)
      local answer = twilio.webhook(world, path, { CallSid = caller.carrier_call, CallStatus = "in-progress" })
      assert.matches("<Hangup/>", answer.body)
      assert.equal(1, #caller:facts "carrier.transfer")
      caller:ended()
    end)
  end
end)
