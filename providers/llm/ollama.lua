-- Ollama on this machine, through its interface of OpenAI's kind. It knows the old name of the limit only, and needs no key.
-- Flows reach it with serve --allow-private. When it fails in mid-answer its stream just ends, which counts as a failure.

local chat_completions = require "providers.shared.chat_completions"
local llm = require "callisto.provider.llm"

return llm {
  name = "ollama",
  account = { key = "OLLAMA_API_KEY", base = "OLLAMA_BASE_URL" },
  base = "http://127.0.0.1:11434/v1",
  request = chat_completions.request "max_tokens",
  read = chat_completions.read,
  failure = chat_completions.failure,
}
