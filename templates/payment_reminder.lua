-- Reminds of a bill. The amount is said in words; the caller may promise a day, dispute the bill or say it is paid.

local retry = require "callisto.retry"
local template = require "callisto.template"

local promise

-- A bill is nobody else's business.
local function identify(call)
  local right = call:confirm { "Am I speaking with {customer_name}?", tries = 2 }
  if not right then call:finish("WRONG_PERSON", "Then please excuse the call. Goodbye.") end
end

local function remind(call)
  identify(call)
  local answer = call:ask {
    "Your bill of {amount|money:rupees:indian} was due on {due|date}. Can you tell me when you will pay it?",
    choices = {
      promise = "yes, i will pay, i can tell you, soon",
      paid = "i have paid, it is paid, already paid",
      dispute = "no, that is wrong, i do not agree, i won't pay",
    },
    digits = { ["1"] = "promise", ["2"] = "paid", ["3"] = "dispute" },
    reprompt = "Press one to name a day, two if you have paid already, or three if the bill is wrong.",
  }
  if answer == "promise" then return promise end
  if answer == "paid" then call:finish("ALREADY_PAID", "Thank you. We will look for it. Goodbye.") end
  if answer == "dispute" then call:finish("DISPUTED", "One of us will look at the bill and call you. Goodbye.") end
  call:finish("NO_DECISION", "We will call you again. Goodbye.")
end

function promise(call)
  local day = call:ask {
    "On which day, within two weeks?",
    date = { from = 0, to = "14d", zone = call.settings.zone, keys = "ddmm" },
    no_match = "It must be a day within two weeks, such as next monday.",
  }
  if not day then call:finish("NO_DECISION", "We will call you again. Goodbye.") end
  call.payload.day = day
  call:fact("payment.promised", { day = day, amount = call.payload.amount })
  call:finish("PROMISED", "Thank you. We expect {amount|money:rupees:indian} on {day|date}. Goodbye.")
end

return template {
  name = "payment-reminder",
  description = "Reminds of a bill and takes a promise to pay.",
  payload = { customer_name = "string", amount = "number", due = "string" },
  greeting = "Good day, this is Blue Shop.",
  settings = { zone = "Asia/Kolkata" },
  retry = retry.policy { attempts = 4, no_answer = "4h", busy = "30m", undecided = "1d" },
  hours = { zone = "Asia/Kolkata", ["mon-fri"] = "10:00-18:00" },
  start = remind,
}
