-- callisto.cli.pages: what the help of every verb says, as data. Shell completion and man pages are made of it, so that they
-- know what the binary knows.

local pages = {}

---@class callisto.cli.HelpOption
---@field name string  "--server", "-o"
---@field value string|nil  "URL"; nil: it takes none
---@field says string

---@class callisto.cli.HelpPage
---@field verb string
---@field what string  in a line
---@field usage string[]  "callisto call TEMPLATE NUMBER …"
---@field text string[]  paragraphs
---@field options callisto.cli.HelpOption[]
---@field examples string[]

-- Our own process is this shell's parent; its binary answers for the verbs that are C and for those that are Lua.
local function help_of(verb)
  local pipe = io.popen(("/proc/$PPID/exe %s --help 2>/dev/null"):format(verb))
  local text = pipe:read "*a"
  pipe:close()
  return text
end

local function option_of(line)
  local name, rest = line:match "^  (%-%-?[%l][%l-]*)(.*)$"
  if not name then return nil end
  local value, says = rest:match "^ (%u%S*)%s+(.*)$"
  if not value then says = rest:match "^%s+(.*)$" end
  return { name = name, value = value, says = says or "" }
end

local readers = {}

-- The first lines: "usage: callisto call …", and below it other forms.
function readers.usage(page, line)
  local usage = line:match "^usage: (.*)$" or line:match "^%s+(callisto .*)$"
  if not usage then return "text" end
  table.insert(page.usage, usage)
end

function readers.text(page, line)
  local option, example = option_of(line), line:match "^Examples?: (.*)$"
  if option then
    table.insert(page.options, option)
  elseif example then
    table.insert(page.examples, example)
    return "examples"
  elseif line:find "^%s%s%s+%S" and page.options[1] and not page.has_rest then
    local last = page.options[#page.options]
    last.says = last.says .. " " .. line:match "^%s+(.*)$"
  elseif line ~= "" then
    page.has_rest = #page.options > 0
    table.insert(page.text, line)
  end
end

function readers.examples(page, line)
  if line:find "%S" then table.insert(page.examples, line:match "^%s*(.*)$") end
end

---Reads the help of a verb.
---@param verb string
---@param what string
---@param text string
---@return callisto.cli.HelpPage
function pages.read(verb, what, text)
  local page, part = { verb = verb, what = what, usage = {}, text = {}, options = {}, examples = {} }, "usage"
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do
    local next_part = readers[part](page, line)
    if next_part and part == "usage" then readers[next_part](page, line) end
    part = next_part or part
  end
  page.has_rest = nil
  return page
end

---The pages of all verbs, in the order of the help.
---@return callisto.cli.HelpPage[]
function pages.all()
  local list = {}
  for verb, what in ("\n" .. help_of ""):gmatch "\n  (%l+) +([^\n]+)" do
    list[#list + 1] = pages.read(verb, what, help_of(verb))
  end
  return list
end

return pages
