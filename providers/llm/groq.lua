-- Groq's interface of OpenAI's kind. It sends its usage with the last choice, and tool calls whole.

local chat_completions = require "providers.shared.chat_completions"
local llm = require "callisto.provider.llm"

return llm {
  name = "groq",
  account = { key = "GROQ_API_KEY", base = "GROQ_BASE_URL" },
  required = { "key" },
  base = "https://api.groq.com/openai/v1",
  request = chat_completions.request "max_completion_tokens",
  read = chat_completions.read,
  failure = chat_completions.failure,
}
