---@meta
-- callisto.workspace: what a folder of scripts is, without running any of it beside the tool; only in tools.

---@class callisto.workspace
local workspace = {}

---Judges the files of a folder as a server does (callisto.judge).
---@param folder string
---@param prefix string|nil  only modules whose names begin so
---@return callisto.Verdict|nil verdict, string? message, string? code
function workspace.judge(folder, prefix) end

---Runs a text that returns data: it sees `env`, the environment, and has the time and the memory of a call's script.
---@param path string  for messages
---@param text string
---@return any value, string? message, string? code
function workspace.data(path, text) end

return workspace
