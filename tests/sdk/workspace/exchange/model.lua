-- What the language model of the tests says.

return {
  key = "sk-only-for-the-tests", first_token = 0.05, per_token = 0.01,
  replies = {
    { "order", say = "One moment, please.", tools = { { "find_order", { id = "7", note = "über" } }, { "hang_up" } } },
    { on_result = "find_order", say = function(asked) return "It is " .. asked.messages[#asked.messages - 1].text .. "." end },
    { "busy", status = 429, retry_after = 2 },
    { "break off", say = "one two three four", cut_after = 2 },
    { "fail", say = "one", fails = "overloaded" },
    { "long", say = ("word "):rep(400) },
    { say = "I can look up orders." },
  },
}
