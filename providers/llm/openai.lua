-- OpenAI, chat completions; `base` reaches any server that speaks the same (vLLM, llama.cpp, a proxy).

local chat_completions = require "providers.shared.chat_completions"
local llm = require "callisto.provider.llm"

return llm {
  name = "openai",
  account = { key = "OPENAI_API_KEY", base = "OPENAI_BASE_URL" },
  required = { "key" },
  base = "https://api.openai.com/v1",
  request = chat_completions.request "max_completion_tokens",
  read = chat_completions.read,
  failure = chat_completions.failure,
}
