-- callisto.converse.leaks: takes out of a model's text what is not for the caller: calls of tools that were written as text,
-- marks that steer the model, JSON, code, and what it thinks.
--
--   local leaks = leaks_of({ "save" })
--   leaks:put 'to=functions.save {"name":' → ""      leaks:put '"Ann"} Thank you.' → "Thank you."
--
-- Text may be split anywhere. A word that may be the beginning of such a thing waits for what follows it.

local json = require "callisto.json"

-- More than this is not held back: nothing of the answer is said any more.
local MOST_HELD = 8 * 1024

local leaks = {}

---@class callisto.Leaks
---@field suppressed string[]  what was taken out
local Leaks = {}
Leaks.__index = Leaks

---@param names string[]  of tools
---@return callisto.Leaks
function leaks.new(names)
  local known = {}
  for _, name in ipairs(names) do known[name] = true end
  return setmetatable({ rest = "", names = known, suppressed = {} }, Leaks)
end

-- Each of these looks at a place of the text: how far what is not to be said goes, false when it is to be said, and how far; nil
-- when more must come before that is known.

local function to_mark(text, at, mark)
  local _, last = text:find(mark, at)
  return last
end

-- The end of brackets that match, outside of strings.
local function end_of_brackets(text, at)
  local depth, place = 0, at
  while true do
    local found = text:find('[%[%]{}()"]', place)
    if not found then return nil end
    local character = text:sub(found, found)
    if character == '"' then
      local close = text:find('"', found + 1, true)
      while close and text:sub(1, close - 1):match "\\*$":len() % 2 == 1 do close = text:find('"', close + 1, true) end
      if not close then return nil end
      found = close
    else
      depth = depth + (character:find "[%[{(]" and 1 or -1)
      if depth == 0 then return found end
    end
    place = found + 1
  end
end

local function of_json(text, at)
  if not text:find("^[%[{]%s*[%[{\"]", at) and not text:find("^{%s*}", at) then
    if text:find("^[%[{]%s*$", at) then return nil end
    return false, at
  end
  local last = end_of_brackets(text, at)
  if not last then return nil end
  if json.decode(text:sub(at, last)) ~= nil or text:find('^{%s*"', at) then return last end
  return false, at
end

local TAGS = {
  tool = true, tools = true, tool_call = true, tool_calls = true, tool_response = true, tool_use = true, ["function"] = true,
  function_call = true, function_calls = true, invoke = true, parameter = true, antml = true,
}
local THOUGHTS = { think = true, thinking = true, thought = true, reasoning = true, scratchpad = true }

local function of_tag(text, at)
  if text:find("^<|channel", at) then return to_mark(text, at, "<|message|>") end
  if text:find("^<|", at) then return to_mark(text, at, "|>") end
  local name, after = text:match("^</?([%a_]+)()", at)
  if not name then
    if text:find("^</?$", at) then return nil end
    return false, at
  end
  if after > #text then return nil end
  if THOUGHTS[name:lower()] and text:sub(at + 1, at + 1) ~= "/" then return to_mark(text, at, "</" .. name .. "%s*>") end
  if not TAGS[name:lower()] and not THOUGHTS[name:lower()] then return false, after - 1 end
  return to_mark(text, at, ">")
end

-- A block of code; the mark of a single word is not one.
local function of_code(text, at)
  if text:find("^```", at) then
    local _, last = text:find("```", at + 3, true)
    return last
  end
  if text:find("^``?$", at) then return nil end
  return false, at
end

-- Behind a name that nobody says, also its brackets.
local function with_brackets(text, last)
  if text:sub(last + 1, last + 1) ~= "(" then return last end
  return end_of_brackets(text, last + 1)
end

-- The name of a tool counts when its arguments follow: `save({…})`, `save {…}`.
local function of_name(text, last)
  local next_place = text:find("%S", last + 1)
  if not next_place then return nil end
  if text:sub(next_place, next_place) == "{" then return last end
  if text:sub(last + 1, last + 1) ~= "(" then return false, last end
  return end_of_brackets(text, last + 1)
end

local function of_word(text, at, names)
  local word, after = text:match("^([%w_.=\128-\255]+)()", at)
  if after > #text then return nil end
  if word:find "^to=." or word:find "^functions%.." then return with_brackets(text, after - 1) end
  if names[word] or names[word:match "%.([%w_]+)$"] then return of_name(text, after - 1) end
  return false, after - 1
end

local looks = { ["<"] = of_tag, ["`"] = of_code, ["{"] = of_json, ["["] = of_json }

local function look(self, text, at)
  local fn = looks[text:sub(at, at)] or of_word
  return fn(text, at, self.names)
end

-- What is to be said of the text, and what must wait.
local function sift(self, text)
  local said, at = {}, 1
  while true do
    local place = text:find("[<`{%[%w_\128-\255]", at)
    if not place then break end
    local last, goes_to = look(self, text, place)
    if last == nil then return table.concat(said) .. text:sub(at, place - 1), text:sub(place) end
    if last then
      said[#said + 1] = text:sub(at, place - 1)
      self.suppressed[#self.suppressed + 1] = text:sub(place, last)
    else
      said[#said + 1] = text:sub(at, goes_to)
    end
    at = (last or goes_to) + 1
  end
  return table.concat(said) .. text:sub(at), ""
end

---More of the text.
---@param text string
---@return string said  what of it, and of what was held back, is for the caller
function Leaks:put(text)
  if self.is_endless then return "" end
  local said
  said, self.rest = sift(self, self.rest .. text)
  if #self.rest <= MOST_HELD then return said end
  self.suppressed[#self.suppressed + 1] = self.rest:sub(1, 200)
  self.rest, self.is_endless = "", true
  return said
end

---Nothing comes any more. What was begun and is not a word is not for the caller.
---@return string said
function Leaks:finish()
  local said, rest = sift(self, self.rest .. "\n")
  self.rest = ""
  if rest:find "^[<`{%[]" then self.suppressed[#self.suppressed + 1] = rest else said = said .. rest end
  return (said:gsub("\n$", ""))
end

return leaks
