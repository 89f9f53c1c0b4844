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

  -- what the exchange itself can do
  ["+15551021"] = { answers_after = 0, on_answer = function(line) -- hears words of the carrier, and speaks without a stream
    line:notes(line:hears(20) and "heard the carrier" or "heard nothing")
    line:says "hello"
    line:silence(60)
  end },
  ["+15551022"] = { answers_after = 0.2, on_answer = function(line) -- somebody who is dialled by a document
    line:says "this is the office"
    line:notes(line:hears(20) and "heard the caller" or "heard nothing")
    line:hangs_up()
  end },
  ["+15551023"] = { answers_after = 0, on_answer = function(line) -- hears the other, and answers
    line:hears(20)
    line:says "good day"
    line:silence(60)
  end },
  ["+15551024"] = { answers_after = 0, on_answer = function(line) line:hangs_up() end },
  ["+15551025"] = { answers_after = 0, on_answer = function(line)
    line:plays "audio/tone.wav"
    line:notes "played the file"
    line:beeps()
    line:notes "beeped"
    line:silence(60)
  end },
  ["+15551026"] = { answers_after = 0, voice = "rms", on_answer = function(line) -- hangs up in the middle of his own word
    line:hears(20)
    line:says "I would like"
    line:hangs_up()
  end },
  ["+15551027"] = { answers_after = 0, on_answer = function(line) line:presses "4711#" line:silence(60) end },
  ["+15551028"] = { answers_after = 0, on_answer = function(line) error "a mistake in this script" end },

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
