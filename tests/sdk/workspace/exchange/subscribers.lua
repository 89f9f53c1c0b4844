-- Who answers while the carriers' SDKs are tried.

return {
  ["+15551001"] = { answers_after = 0.1 },  -- answers and holds the line
  ["+15551002"] = { busy = true },
  ["+15551003"] = { no_answer = true },
  ["+15551004"] = { answers_after = 0.1, on_answer = function(line) line:presses "12#" line:silence(60) end },
  ["+15551005"] = { refuse = { status = 429, code = 20429, message = "Too many requests", times = 1 }, answers_after = 0.1 },
  ["+15551006"] = { refuse = { status = 400, code = 21215, message = "Geo permissions do not allow this call" } },
  ["+15551007"] = { answers_after = 0.1, on_answer = function(line) line:silence(0.3) line:hangs_up() end },
  ["+15551008"] = { answers_after = 0.1, on_answer = function(line) -- hears somebody out, then speaks
    line:hears()
    line:says "this is my message"
    line:silence(60)
  end },
  ["+15551009"] = { answers_after = 0.1, is_machine = true },
  ["+15552005"] = { refuse = { status = 429, code = 10011, message = "Too many requests", times = 1 }, answers_after = 0.1 },
  ["+15552006"] = { refuse = { status = 403, code = 10039, message = "Only verified numbers may be called" } },
  ["+15551011"] = {
    answers_after = 0.1, refuse = { status = 429, code = "RATE_LIMITED", message = "Too Many Requests", times = 1 },
  },
}
