-- callisto.cli.arguments: the words of a verb, read as a table of its options says.
--
--   { ["--json"] = { "as_json", is = true }, ["--limit"] = { "limit", read = fn } }
--
-- An option's first value is the field it fills. With `is` it takes no value and the field becomes that; else the value
-- stands behind it, or behind a `=`. `read` gives the field's value, or nil and why not; `is_list` collects.

local help = require "callisto.cli.help"
local nearest = require("callisto.options").nearest

local arguments = {}

---@class callisto.cli.Option
---@field [1] string  the field
---@field is any
---@field read nil|fun(text: string): any, string|nil
---@field is_list boolean|nil

local function unknown(name, options)
  local near = nearest(name, options)
  return ("there is no option %s%s"):format(name, near and ("; did you mean %s?"):format(near) or "")
end

-- The option at `words[index]`: fills a field, and gives the index of its last word; nil and a message when it is wrong.
local function take(asked, words, index, options)
  local name, value = words[index]:match "^(%-%-[%w-]+)=(.*)$"
  name = name or words[index]
  local option = options[name]
  if not option then return nil, unknown(name, options) end
  if option.is ~= nil then
    if value then return nil, name .. " takes no value" end
    asked[option[1]] = option.is
    return index
  end
  if not value then index, value = index + 1, words[index + 1] end
  if not value then return nil, name .. " wants a value behind it" end
  if option.read then
    local read, why = option.read(value)
    if read == nil then return nil, ("%s %s"):format(name, why) end
    value = read
  end
  if option.is_list then
    asked[option[1]] = asked[option[1]] or {}
    table.insert(asked[option[1]], value)
  else
    asked[option[1]] = value
  end
  return index
end

---Reads the words; `words` of what is read are those that belong to no option. A word `--` ends the options.
---@param words string[]
---@param options table<string, callisto.cli.Option>
---@return table|nil asked, string? message
function arguments.parse(words, options)
  local asked, index, has_options = { words = {} }, 1, true
  while words[index] do
    local word = words[index]
    if has_options and word == "--" then
      has_options = false
    elseif has_options and word:find "^%-." then
      local last, why = take(asked, words, index, options)
      if not last then return nil, why end
      index = last
    else
      table.insert(asked.words, word)
    end
    index = index + 1
  end
  return asked
end

---A complaint of a verb, on standard error.
---@param verb string
---@param text string
---@param code integer|nil  [1]
---@return integer exit_code
function arguments.refuse(verb, text, code)
  io.stderr:write("callisto ", verb, ": ", text, "\n")
  return code or 1
end

---Wrong usage: the complaint, and where the right one stands.
---@param verb string
---@param text string
---@return integer exit_code
function arguments.misused(verb, text)
  return arguments.refuse(verb, ("%s%s callisto %s --help says more"):format(text, text:find "%?$" and "" or ";", verb), 2)
end

---Reads the words of a verb. Help that is asked for is printed, and so is what is wrong.
---@param verb string
---@param text string  its help
---@param options table<string, callisto.cli.Option>
---@param ... string  the words
---@return table|nil asked
---@return integer exit_code  when there is nothing to do
function arguments.read(verb, text, options, ...)
  if help.print(text, ...) then return nil, 0 end
  local asked, why = arguments.parse({ ... }, options)
  if not asked then return nil, arguments.misused(verb, why) end
  return asked, 0
end

---A reader of whole numbers, for `read`.
---@param least integer
---@param most integer
---@return fun(text: string): integer|nil, string|nil
function arguments.integer(least, most)
  return function(text)
    local number = tonumber(text)
    if number and number >= least and number <= most and number % 1 == 0 then return number end
    return nil, ("is %s; a number from %d to %d is possible"):format(text, least, most)
  end
end

---The options of one table and those of another.
---@param own table<string, callisto.cli.Option>
---@param more table<string, callisto.cli.Option>
---@return table<string, callisto.cli.Option>
function arguments.with(own, more)
  local all = {}
  for name, option in pairs(more) do all[name] = option end
  for name, option in pairs(own) do all[name] = option end
  return all
end

return arguments
