-- The people `callisto exchange` can reach, and who can call: by number. `make demo` calls all of them.

-- Answers every question with the same words, until the other side hangs up.
local function says_always(text)
  return function(line)
    while line:hears(20) do line:says(text) end
  end
end

local function presses_always(keys)
  return function(line)
    while line:hears(20) do line:presses(keys) end
  end
end

return {
  -- Asha says yes.
  ["+15550100"] = { answers_after = 2, voice = "rms", on_answer = says_always "yes please" },

  -- Bruno presses two for no.
  ["+15550101"] = { answers_after = 3, on_answer = presses_always "2" },

  -- Chloe is always on the telephone.
  ["+15550102"] = { busy = true },

  -- Dmitri is not at home.
  ["+15550103"] = { no_answer = true },

  -- Elif has no time: she hangs up in the middle of a sentence.
  ["+15550104"] = {
    answers_after = 2,
    on_answer = function(line)
      line:notices_speech()
      line:silence(1.6)
      line:hangs_up()
    end,
  },

  -- Femi does not let anybody finish. The greeting cannot be interrupted; the question, which is long, can.
  ["+15550105"] = {
    answers_after = 1, voice = "rms",
    on_answer = function(line)
      line:interrupts("yes please", 7)
      while line:hears(20) do line:says "yes please" end
    end,
  },

  -- Hana asks where her order is, does not wait for the end of the answer, and is content with the next one.
  ["+15550107"] = {
    answers_after = 1, voice = "rms",
    on_answer = function(line)
      line:hears()
      line:says "where is my order"
      line:interrupts("wait please, another address", 4)
      while line:hears(20) do line:says "no thank you" end
    end,
  },

  -- Grace calls the practice, keys in her appointment and keeps it.
  ["+15550106"] = {
    voice = "rms",
    on_answer = function(line)
      line:hears()
      line:presses "4711#"
      line:hears()
      line:says "confirm it"
      while line:hears(20) do line:presses "1" end
    end,
  },
}
