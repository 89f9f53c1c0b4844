-- Who is on the telephone while a carrier's adapter and its face are tried (tests/end_to_end/conformance.lua).

local all = { "all" }

local function answers(line)
  line:hears()
  line:says "yes please"
  line:hears()
  line:presses "4711"
  line:silence(60)
end

return {
  ["+14155551001"] = { answers_after = 0, voice = "rms", on_answer = answers },
  ["+14155551002"] = { answers_after = 0, voice = "rms", on_answer = answers }, -- calls the application
  ["+14155551003"] = { answers_after = 0.3, busy = true },
  ["+14155551004"] = { no_answer = true },
  ["+14155551005"] = { unreachable = true },
  ["+14155551006"] = { answers_after = 0, voice = "rms", on_answer = function(line)
    line:interrupts("stop please", 2)
    line:silence(60)
  end },
  ["+14155551007"] = { answers_after = 0, on_answer = function(line) -- hangs up in the middle of the other's sentence
    line:notices_speech()
    line:silence(0.8)
    line:hangs_up()
  end },
  ["+14155551008"] = { answers_after = 0 }, -- holds the line
  ["+14155551009"] = { answers_after = 0, create_fault = "error" },
  ["+14155551010"] = { answers_after = 0, faults = { lose = all } },
  ["+14155551011"] = { answers_after = 0.3, busy = true, faults = { lose = all } },
  ["+14155551012"] = { answers_after = 0, faults = { double = all } },
  ["+14155551013"] = { answers_after = 0, faults = { reorder = true } },
}
