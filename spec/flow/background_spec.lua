local flows = require "spec.support.flows"

local call = flows.call

-- Whether anything sounds while nobody speaks.
local function sounds(caller)
  return caller.world:until_true(1, function() return caller.world.lab:is_loud(caller.line) end, 0.1) ~= nil
end

describe("a background", function()
  it("plays under what is said until it is changed and switched off", function()
    local caller = call [[
      assert(call:background("audio/hold.wav", { volume = 0.2 }))
      call:say "Good morning."
      call:sleep "5s"
      assert(call:background("audio/hold.wav", { volume = 0.001 }))
      call:say "Still here?"
      call:sleep "5s"
      assert(call:background "audio/hold.wav")
      call:say "And now?"
      call:sleep "5s"
      assert(call:background(nil))
      call:say "Goodbye then."
      call:sleep "5s"
    ]]
    caller:hears("Good morning"):silence(2)
    assert.is_true(sounds(caller))
    caller:hears("Still here"):silence(2)
    assert.is_false(sounds(caller))
    caller:hears("And now"):silence(2)
    assert.is_true(sounds(caller))
    caller:hears("Goodbye then"):silence(2)
    assert.is_false(sounds(caller))
  end)

  it("is not a sentence: nothing waits for it and the transcript does not have it", function()
    local caller = call [[
      call:background "audio/hold.wav"
      call:say "Good morning."
      call:sleep "10s"
      call:finish "DONE"
    ]]
    caller:hears "Good morning"
    caller:hears_nothing(9)
    assert.equal("DONE", caller:ended().outcome)
    assert.same({ "agent: Good morning." }, caller:lines())
  end)

  local refused = {
    { "a path outside the workspace", [["../secrets.wav"]], "path of a sound file inside the workspace" },
    { "an absolute path", [["/etc/passwd"]], "path of a sound file inside the workspace" },
    { "a volume above 1", [["a.wav", { volume = 20 }]], "volume.*at most 1" },
    { "a misspelled option", [["a.wav", { volum = 1 }]], "did you mean 'volume'" },
  }
  local bodies = {}
  for i, case in ipairs(refused) do bodies[i] = "call:background(" .. case[2] .. ")" end
  local refusal_of = flows.refusals(bodies)
  for i, case in ipairs(refused) do
    it("refuses " .. case[1], function() assert.matches(case[3], refusal_of(i)) end)
  end

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
