-- Answers every question with yes, when it is over.

return {
  ["+15551001"] = { answers_after = 0, on_answer = function(line)
    while line:hears(60) do
      line:silence(0.5)
      line:says "yes"
    end
  end },
}
