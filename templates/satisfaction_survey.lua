-- A short survey: two numbers and a few words.

local template = require "callisto.template"

local function rate(call, name, question)
  local value = call:ask {
    question,
    number = { min = 1, max = 5 },
    choices = { skip = "skip it, leave it out, i don't know" },
    no_match = "A number from one to five, please. Or say skip it.",
    tries = 2,
  }
  call:fact("survey." .. name, { value = value })
  return value
end

local function survey(call)
  local willing = call:confirm "Do you have a minute for two questions?"
  if not willing then call:finish("REFUSED", "That is fine. Goodbye.") end
  local service = rate(call, "service", "How content were you with our service, from one, not at all, to five, very much?")
  local product = rate(call, "product", "And with {product}, from one to five?")
  if service == nil and product == nil then call:finish("NO_ANSWER_GIVEN", "Thank you. Goodbye.") end
  local words = call:ask {
    "Is there anything we should do better? Just say it, or press hash to leave it out.",
    free_text = true, digits = { ["#"] = "nothing" }, tries = 1, timeout = "6s", endpoint = "1200ms",
  }
  if words and words ~= "nothing" then call:fact("survey.words", { text = words }) end
  local is_unhappy = (type(service) == "number" and service <= 2) or (type(product) == "number" and product <= 2)
  if is_unhappy then call:finish("UNHAPPY", "I am sorry to hear that. One of us will call you. Goodbye.") end
  call:finish("ANSWERED", "Thank you very much. Goodbye.")
end

return template {
  name = "satisfaction-survey",
  description = "Two ratings and a few words.",
  payload = { customer_name = "string", product = "string" },
  greeting = "Hello {customer_name}, this is Blue Shop.",
  on_call = survey,
}
