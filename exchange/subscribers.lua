return {
  ["+15550100"] = { answers_after = 1, voice = "rms", on_answer = function(line)
    line:hears()
    line:says "yes please"
    line:hears()
  end },
}
