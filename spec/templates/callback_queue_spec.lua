local phone = require "spec.support.phone"

describe("callback-queue", function()
  local function call() return phone.call { template = "templates.callback_queue" } end

  it("keeps the place of one who wants to be called back", function()
    local caller = call()
    caller:hears("You are the next."):listens()
    caller:says "call me back"
    caller:hears "We keep your place"
    assert.equal("CALL_BACK", caller:ended().outcome)
    assert.same({ number = "+14150000001", place = 1 }, caller.vm.facts[1].data)
  end)

  it("plays music until somebody is free", function()
    local caller = call()
    caller:hears "You are the next."
    caller:presses "2"
    caller:hears "[audio/hold.wav]"
    caller:silence(20)
    caller.vm:event("told", nil, "free")
    caller:hears "Now it is your turn."
    assert.equal("CONNECTED", caller:ended().outcome)
    assert.equal(0, caller.vm.require "callisto.task".count())
  end)

  it("lets one who waits change his mind", function()
    local caller = call()
    caller:hears "You are the next."
    caller:presses "2"
    caller:hears "Press star to be called back instead."
    caller:presses "*"
    caller:hears "We keep your place"
  end)

  it("says how many are before one", function()
    local caller = phone.call { template = "templates.callback_queue", before = function(vm)
      local shared = vm.require "callisto.shared"
      shared.set("callback_queue.last", "7")
      shared.set("callback_queue.served", "4")
    end }
    caller:hears "three are before you."
  end)
end)
