-- Asked for and not given in silence: who answers, found out by the carrier. The template asks once; each carrier has a
-- parameter of its own for it, and one that has none says so.

local exchange = require "callisto.spec"

local SOURCE = [[return require "callisto.template" {
  name = "survey", answering_machine = true,
  on_call = function(call)
    call:sleep "10s"
    call:finish(call.answered_by or "NOBODY_SAYS")
  end,
}]]

describe("answering_machine of a template", function()
  for _, carrier in ipairs { "twilio", "plivo", "vobiz", "vonage" } do
    for _, case in ipairs { { true, "machine" }, { false, "human" } } do
      it(("is asked of %s, and the flow is told of a %s"):format(carrier, case[2]), function()
        local caller = exchange.call {
          carrier = carrier, source = SOURCE, template = "survey", subscriber = { is_machine = case[1] },
        }
        assert.equal(case[2], caller:ended().outcome)
      end)
    end
  end

  it("is asked of Telnyx in both of its dialects", function()
    local telnyx = require "providers.carriers.telnyx"
    local place = telnyx.requests.place[1]
    local order = { call = "c1", to = "+1", from = "+2", url = "https://x/a", status_url = "https://x/s", detects_machine = true }
    local texml = place(order, { secret = "k", account = "a", application = "b", key = "k" })
    assert.matches('"MachineDetection":"Enable"', texml.body)
    assert.matches('"AsyncAmdStatusCallback":"https:', (texml.body:gsub("\\/", "/")))
    local control = place(order, { secret = "k", connection = "c", key = "k" })
    assert.matches('"answering_machine_detection":"detect"', control.body)
  end)

  it("is not asked where the template does not", function()
    local twilio = require "providers.carriers.twilio"
    local request = twilio.requests.place[1]({ to = "+1", from = "+2", url = "https://x", status_url = "https://x/s" },
      { account = "AC1", secret = "t" })
    assert.is_nil(request.body:find("Machine", 1, true))
  end)

  it("is refused to an order over a carrier that cannot, by the template's field", function()
    local world = exchange.open { carrier = "exotel", source = SOURCE }
    local answer, status = world:ask_app("POST", "/api/calls/outbound", { agent_name = "survey", to = "+14150000001" })
    assert.equal(422, status)
    assert.matches("exotel does not find out who answers; take answering_machine out of the template 'survey'", answer.detail)
  end)
end)
