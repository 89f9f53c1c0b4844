-- The people `callisto dev` and `callisto exchange` can reach, by number. They are scripts, too.

return {
  -- Asha says yes to everything.
  ["+15550100"] = {
    answers_after = 1, voice = "rms",
    on_answer = function(line)
      while line:hears(20) do line:says "yes please" end
    end,
  },

  -- Bruno presses two.
  ["+15550101"] = {
    answers_after = 1,
    on_answer = function(line)
      while line:hears(20) do line:presses "2" end
    end,
  },

  -- Chloe is always on the telephone, Dmitri is never at home.
  ["+15550102"] = { busy = true },
  ["+15550103"] = { no_answer = true },
}
