-- The menus of the front desk. They are data: change them, and the next call has them.

local menu = require "callisto.menu"

local queue = require "templates.queue"

-- What the caller wants is a field of the payload, for the person who answers.
local function about(subject)
  return function(call)
    call.payload.subject = subject
    return queue
  end
end

return menu.set("main", {
  main = {
    greeting = "Thank you for calling.",
    options = {
      { label = "sales", go = about "sales" },
      { label = "a bill", go = "bills" },
      { label = "anything else", go = about "service" },
    },
  },
  bills = {
    options = {
      { label = "a bill you do not understand", go = about "bills" },
      { label = "when to pay", outcome = "INFORMED", closing = "Bills are due on the tenth of each month. Goodbye." },
      { digit = "*", label = "the first menu", go = "main" },
    },
  },
})
