-- Who is on the telephone while the faults are tried. The last digits of a number say what it is about.

local function holds(line) while true do line:hears(60) end end

local function presses(keys)
  return function(line)
    while line:hears(30) do line:presses(keys) end
  end
end

local all = { "all" }

return {
  ["+15551001"] = { answers_after = 0 },                                                        -- holds the line
  ["+15551002"] = { answers_after = 0, on_answer = presses "1" },
  ["+15551003"] = { answers_after = 0.3, busy = true },
  ["+15551004"] = { no_answer = true },
  ["+15551005"] = { answers_after = 0, on_answer = holds },

  -- callbacks
  ["+15551011"] = { answers_after = 0, faults = { lose = all } },
  ["+15551012"] = { answers_after = 0, faults = { double = all } },
  ["+15551013"] = { answers_after = 0, faults = { delay = { initiated = 3, ringing = 2, answered = 4 } } },
  ["+15551014"] = { answers_after = 0, faults = { reorder = true } },
  ["+15551015"] = { answers_after = 0, faults = { lose = { "answered", "completed" }, double = all, reorder = true } },
  ["+15551016"] = { answers_after = 0.3, busy = true, faults = { lose = all } },
  ["+15551017"] = { answers_after = 0, faults = { delay = { completed = 16 } } },
  ["+15551018"] = { answers_after = 0, create_fault = "no answer" },
  ["+15551019"] = { answers_after = 0, create_fault = "error" },
}
