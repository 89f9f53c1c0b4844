-- callisto.flow.choosing: one choice from a list by one key, or by voice: what menus and keypad trees share.

local core = require "callisto.core"
local answers = require "callisto.flow.answers"
local collecting = require "callisto.flow.collecting"
local ears = require "callisto.flow.ear"
local options = require "callisto.options"
local task = require "callisto.task"

local choosing = {}

-- So many wrong keys mean somebody who will not choose, or no person at all.
choosing.MOST_WRONG_KEYS = 5

---The keys a telephone has.
---@param value any
---@return string|nil problem
function choosing.check_digit(value)
  if type(value) == "string" and value:match("^[%d*#]$") then return nil end
  return ("'digit' must be one of the keys 0-9, * and #, as text, not %s"):format(
    type(value) == "string" and '"' .. value:sub(1, 10) .. '"' or type(value))
end

---Options by their key; two with the same one are refused.
---@param list {digit: string, label: string}[]
---@return table<string, table>|nil, string? problem
function choosing.by_digit(list)
  local map = {}
  for i, option in ipairs(list) do
    local other = map[option.digit]
    if other then
      return nil, ("option %d: 'digit' \"%s\" is taken already, by '%s'"):format(i, option.digit, other.label)
    end
    map[option.digit] = option
  end
  return map
end

---Whether from each name that can be reached from `start` an end can be reached.
---@param start string
---@param next_of fun(name: string): string[], boolean  where it leads, and whether it has an end itself
---@return string|nil trap  a name without a way out
function choosing.find_trap(start, next_of)
  local reached, order, leads, has_end = { [start] = true }, { start }, {}, {}
  local place = 1
  while order[place] do
    local name = order[place]
    leads[name], has_end[name] = next_of(name)
    for _, each in ipairs(leads[name]) do
      if not reached[each] then
        reached[each] = true
        order[#order + 1] = each
      end
    end
    place = place + 1
  end
  local is_changed = true
  while is_changed do
    is_changed = false
    for _, name in ipairs(order) do
      for _, each in ipairs(leads[name]) do
        if has_end[each] and not has_end[name] then has_end[name], is_changed = true, true end
      end
    end
  end
  for _, name in ipairs(order) do
    if not has_end[name] then return name end
  end
end

---@param name string
---@param known table<string, any>
---@return string  ", which is not there; did you mean 'x'?"
function choosing.not_there(name, known)
  local near = options.nearest(name, known)
  return ("'%s', which is not there%s"):format(name, near and ("; did you mean '%s'?"):format(near) or "")
end

local function of_key(call, key, about)
  local option = about.by_digit[key]
  core.line("caller", option and ("Pressed %s — %s"):format(key, option.label) or "Pressed " .. key)
  if option then return option end
  call._keys:flush() -- what was typed after a wrong key was meant for something else
  return nil, "invalid"
end

-- Waits for the choice. Returns the option, or nil and the reason.
local function wait_for(ear, call, about, uses, prompt)
  local clock = ears.patience(about.wait, prompt)
  while true do
    local key = collecting.take(call, uses, prompt, true)
    if key then return of_key(call, key, about) end
    local event = ear:next(clock.at)
    if not event then return nil, "silence" end
    if event.kind == "heard" and about.expected then
      local option = event.value.text ~= "" and about.by_label[answers.of_speech(about.expected, event.value) or ""]
      if option then return option end
      if event.value.text ~= "" and (not prompt or prompt.ended) then return nil, "no_match" end
      clock:restart()
    elseif about.expected or event.kind == "ended" then
      clock:follow(event)
    end
  end
end

---Says the prompt once and waits for a choice, during it and after it.
---@param call callisto.Call
---@param about {by_digit: table<string, table>, wait: number, expected: callisto.Expected?, by_label: table<string, table>?}
---@param prompt string|table  a text, or a sentence that was declared already
---@return table|nil option
---@return "silence"|"invalid"|"no_match"|nil reason
function choosing.once(call, about, prompt)
  call:_listen_for(about.expected and about.expected.listen or {})
  local function uses(key, is_late) return not is_late or about.by_digit[key] ~= nil end
  return ears.with(call._ears, function(ear)
    ear.takes_keys = true
    local spoken = prompt
    if type(prompt) == "string" then
      spoken = collecting.prompt(call, prompt, { barge_in = about.expected ~= nil, digits_stop = true }, uses)
    end
    return task.finally(wait_for, function() collecting.stop(spoken) end, ear, call, about, uses, spoken)
  end)
end

return choosing
