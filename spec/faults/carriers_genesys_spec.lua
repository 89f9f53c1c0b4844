-- Genesys: what a flow gives its action reaches the agent as it is, and a flow that offers the other side alone is served.

local exchange = require "callisto.spec"

local NUMBER = "+14150000077"
local SOURCE = [[return require "callisto.template" { name = "desk",
  payload = { age = "integer", vip = "boolean", lead = "string?" },
  on_call = function(call) call:fact("payload", call.payload) call:finish("DONE", "One moment please.") end }]]

local function call_with(more)
  local world = exchange.open { carrier = "genesys", sources = { ["templates.desk"] = SOURCE } }
  world:puppet(NUMBER)
  local order = { from = NUMBER, to = "+14150000002", carrier = "genesys", voice_url = "wss://app.test/ws/genesys/desk" }
  for name, value in pairs(more) do order[name] = value end
  local placed = world:ask_exchange("POST", "/exchange/calls", order)
  local call = world:until_true(60, function()
    for _, each in ipairs(world:ask_app("GET", "/api/calls").calls) do
      if each.carrier_call_id == placed.id and each.state ~= "in_progress" then return each end
    end
  end, 0.5)
  return call and (world:ask_app("GET", "/api/calls/" .. call.id)), world, placed
end

local function payload_of(call)
  for _, event in ipairs(call.events) do
    if event.kind == "payload" then return event.data end
  end
end

describe("a flow of Genesys", function()
  it("gives the agent numbers, truths, lists, its language and its configuration", function()
    local call = call_with {
      input_variables = { age = 41, vip = true, lead = "42", tags = { "a", "b" } }, custom_config = { region = "eu", level = 2 },
    }
    assert.equal("DONE", call.outcome)
    local payload = payload_of(call)
    payload.conversation_id = nil
    assert.same({ age = 41, vip = true, lead = "42", tags = { "a", "b" }, language = "en-US",
      custom_config = { region = "eu", level = 2 } }, payload)
  end)

  it("that writes everything as text is understood as the template wants it", function()
    local call = call_with { input_variables = { age = "41", vip = "false", language = "hi-IN" } }
    local payload = payload_of(call)
    assert.same({ 41, false, "hi-IN" }, { payload.age, payload.vip, payload.language })
  end)

  it("that offers the internal channel alone is served on it", function()
    local call, world, placed = call_with { input_variables = { age = 1, vip = true }, offers = { { "internal" } } }
    assert.equal("DONE", call.outcome)
    assert.equal("completed", world:ask_exchange("GET", "/exchange/calls/" .. placed.id).status)
  end)

  for _, case in ipairs {
    { { { "internal" }, { "external", "internal" }, { "external" } }, "pcmu/1" },
    { { { "internal" }, { "external", "internal" } }, "pcmu/2" },
    { { { "internal" } }, "pcmu/internal" }, { { { "internal", "external" } }, nil },
  } do
    it("gets of its offers the one on which the caller is heard best: " .. tostring(case[2]), function()
      local json = require "callisto.json"
      local media = {}
      for i, channels in ipairs(case[1]) do
        media[i] = { type = "audio", format = "PCMU", rate = 8000, channels = json.array(channels) }
      end
      local open = json.encode { version = "2", id = "s", type = "open", seq = 1,
        parameters = { organizationId = "o", media = json.array(media) } }
      local headers = { ["audiohook-session-id"] = "s", ["audiohook-organization-id"] = "o" }
      local read = require("providers.carriers.genesys").socket.read
      local about, why = read({ first = { open }, headers = headers, query = "" }, {})
      assert.equal(case[2], about and about.format)
      if not about then assert.matches("none of the offered media", why) end
    end)
  end
end)
