-- callisto import FILE.json: what becomes of a flow of another system, and a template's file that holds it.

local arguments = require "callisto.cli.arguments"
local files = require "callisto.cli.files"
local importer = require "callisto.importer"
local json = require "callisto.json"

local command = {}

local HELP = [[
usage: callisto import FILE.json [-o FILE.lua] [--force] [--json]

Reads a flow of another system, in JSON (a template, a flow alone, or a visual editor's file), and says what becomes of it:
what is taken over, what means nothing here, and every problem with its place in the document. docs/recipes.md says what is
understood.
  -o FILE.lua    write the template into this file, when there is no problem; where a language model chose, a function
                 is left to be written
  --force        also over a file that is there already
  --json         {"ok", "name", "kind", "payload", "ignored": [place], "problems": [{"place", "message"}]}
Exit code 0 when it can be used, 1 when it cannot, 2 for wrong usage.

Example: callisto import delivery.json -o templates/delivery.lua]]

local function refuse(text, code) return arguments.refuse("import", text, code) end

-- A problem of the importer is "place: message"; a place has no blanks.
local function split(problem)
  local place, message = problem:match "^([%w_.%[%]%-]+): (.*)$"
  return { place = place, message = message or problem }
end

-- What a document is, in a word.
local function kind_of(made) return made.keypad and "keypad tree" or "flow" end

local function payload_words(payload)
  local words = {}
  for name, kind in pairs(payload) do words[#words + 1] = name .. " " .. kind end
  table.sort(words)
  return #words > 0 and table.concat(words, ", ") or "nothing"
end

local function print_text(path, made, problems, ignored)
  if made then
    print(("template  %s, a %s"):format(made.name, kind_of(made)))
    print("payload   " .. payload_words(made.payload))
    if made.greeting then print("greeting  " .. made.greeting) end
  end
  for _, place in ipairs(ignored) do print("ignored   " .. place) end
  for _, problem in ipairs(problems) do print(("problem   %s: %s"):format(path, problem)) end
  if not made then print(("%d %s; nothing can be written"):format(#problems, #problems == 1 and "problem" or "problems")) end
end

local function print_json(made, problems, ignored)
  local list = json.array {}
  for index, problem in ipairs(problems) do list[index] = split(problem) end
  print(json.encode {
    ok = made ~= nil, name = made and made.name, kind = made and kind_of(made), payload = made and made.payload,
    ignored = json.array(ignored), problems = list,
  })
end

local function write(path, text)
  local file, why = io.open(path, "wb")
  if not file then return refuse(why, 1) end
  file:write(text)
  file:close()
  io.stderr:write(("%s is written; callisto check looks at it as a server does\n"):format(path))
  return 0
end

local OPTIONS = {
  ["--force"] = { "may_replace", is = true }, ["--json"] = { "as_json", is = true }, ["-o"] = { "target" },
}

local function problem_of(asked)
  if #asked.words ~= 1 then return "one FILE.json is needed" end
  if asked.target and not asked.target:find "%.lua$" then return "-o wants a name that ends in .lua" end
end

local function has_no_name(problems)
  for _, problem in ipairs(problems) do
    if problem:find "^name: is missing" then return true end
  end
  return false
end

-- What stands for the functions that are to be written, while the rest is looked at.
local function stubs_of(undecided)
  local stubs = {}
  for _, each in ipairs(undecided) do stubs[each.node] = function() end end
  return stubs
end

local function is_there(path)
  local file = io.open(path, "rb")
  if file then file:close() end
  return file ~= nil
end

---@return integer exit_code
function command.run(...)
  local asked, code = arguments.read("import", HELP, OPTIONS, ...)
  if not asked then return code end
  local why = problem_of(asked)
  if why then return arguments.misused("import", why) end
  local source = asked.words[1]
  local text, trouble = files.read(source)
  if not text then return refuse(trouble, 2) end
  if asked.target and not asked.may_replace and is_there(asked.target) then
    return refuse(asked.target .. " is already there; --force replaces it", 1)
  end
  local name = source:match "([^/]*)$":gsub("%.%w+$", "")
  local how, more = { template = {} }, {}
  local made, problems, ignored, undecided = importer.read(text)
  if not made and has_no_name(problems) then
    how.template.name, more.name = name, name
    made, problems, ignored, undecided = importer.read(text, how)
  end
  if not made and asked.target and #undecided == #problems then
    how.decide, more.undecided = stubs_of(undecided), undecided
    made, problems, ignored = importer.read(text, how)
  end
  if asked.as_json then print_json(made, problems, ignored) else print_text(source, made, problems, ignored) end
  if not made then return 1 end
  for _, each in ipairs(more.undecided or {}) do print("to write  decide." .. each.node) end
  return asked.target and write(asked.target, importer.file(text, more)) or 0
end

return command
