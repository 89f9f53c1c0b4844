local flows = require "spec.support.flows"

local call = flows.call

describe("a background", function()
  it("plays under what is said until it is changed and switched off", function()
    local caller = phone.call { source = agent [[
      assert(call:background("audio/office.wav", { volume = 0.2 }))
      call:say "Good morning."
      assert(call:background "audio/street.wav")
      call:say "Still here?"
      assert(call:background(nil))
      call:say "Goodbye then."
    ]] }
    caller:hears "Good morning"
    assert.same({ path = "audio/office.wav", volume = 0.2 }, caller.background)
    caller:hears "Still here"
    assert.same({ path = "audio/street.wav", volume = 0.3 }, caller.background)
    caller:hears "Goodbye then"
    assert.is_nil(caller.background)
  end)

  it("is no sentence: nothing waits for it and the transcript does not have it", function()
    local caller = phone.call { source = agent [[
      call:background "audio/office.wav"
      call:say "Good morning."
      call:sleep "10s"
      call:finish "DONE"
    ]] }
    caller:hears "Good morning"
    caller:hears_nothing(9)
    assert.equal("Good morning.", caller.vm.lines[1].text)
    assert.equal(1, #caller.vm.lines)
  end)

  for name, case in pairs {
    ["a path outside the workspace"] = { [["../secrets.wav"]], "path of a sound file inside the workspace" },
    ["an absolute path"] = { [["/etc/passwd"]], "path of a sound file inside the workspace" },
    ["a volume above 1"] = { [["a.wav", { volume = 20 }]], "volume.*at most 1" },
    ["a misspelled option"] = { [["a.wav", { volum = 1 }]], "did you mean 'volume'" },
  } do
    it("refuses " .. name, function()
      local broken
      phone.call {
        source = agent("call:background(" .. case[1] .. ")"),
        on_broken = function(message) broken = message end,
      }
      assert.matches(case[2], broken)
    end)
  end
end)

describe("a background in a real call", function()
  local function call(body) return exchange.call { source = agent(body) } end

  it("leaves what both sides say whole", function()
    local caller = call [[
      assert(call:background("audio/hold.wav", { volume = 0.2 }))
      local answer = call:ask { "Shall we bring it tomorrow?", choices = { yes = "yes please", no = "no" } }
      call:finish(answer == "yes" and "CONFIRMED" or "DECLINED", "Thank you, see you tomorrow.")
    ]]
    caller:hears("Shall we bring it tomorrow?"):listens()
    caller:says "yes please"
    caller:hears "Thank you, see you tomorrow."
    assert.equal("CONFIRMED", caller:ended().outcome)
  end)

  it("does not keep a caller from interrupting", function()
    local caller = call [[
      call:background("audio/hold.wav", { volume = 0.2 })
      local said = call:say "One two three four five six seven eight nine ten eleven twelve."
      call:fact("said", { heard = said.heard, interrupted = said.interrupted })
      call:finish("DONE", "Goodbye.")
    ]]
    caller:hears "three"
    caller:interrupts("stop it", 0.1)
    caller:hears "Goodbye."
    assert.is_true(caller:fact("said").interrupted)
    assert.matches("^One two", caller:fact("said").heard)
  end)

  it("refuses a file that is not there", function()
    local caller = call [[
      local ok, why, code = call:background "audio/nowhere.wav"
      call:fact("refused", { ok = ok == nil, why = why, code = code })
      call:finish("DONE", "Goodbye.")
    ]]
    caller:hears "Goodbye."
    assert.same({ ok = true, why = "ENOENT: there is no sound file audio/nowhere.wav in the workspace", code = "ENOENT" },
      caller:fact "refused")
  end)
end)
