-- Who is on the telephone: numbers, and what they do.

return {
  ["+15550100"] = {
    answers_after = 1,
    on_answer = function(line)
      line:hears()
      line:presses "1"
      line:hears()
    end,
  },
  ["+15550101"] = { busy = true },
  ["+15550102"] = { no_answer = true },
}
