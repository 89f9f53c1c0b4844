-- callisto.menu: a menu is data: what may be pressed, what is said about it, and where it leads.
--
--   menu {
--     name = "main", greeting = "Welcome to Blue Shop.",
--     options = {
--       { digit = "1", label = "orders", say = "For your order, press one.", go = ask_for_the_order },
--       { digit = "2", label = "a person", outcome = "CALL_BACK", closing = "We will call you back." },
--     },
--   }
--
-- `go` is a function of the flow, another menu, a template, or in `menu.set` the name of another menu of the set; `choice` is
-- what call:menu returns; `outcome` ends the call. A wrong key plays the menu again and does not count as an
-- attempt, but the fifth is the last. After the last attempt the goodbye is said and the call ends, unless `goodbye` is false.

local answers = require "callisto.flow.answers"
local choosing = require "callisto.flow.choosing"
local language = require "callisto.language"
local options = require "callisto.options"
local text = require "callisto.text"

local menu = {}

---@class callisto.MenuOption
---@field digit string|nil  default: its place in the list
---@field label string
---@field say callisto.Wording|nil  default: "For {label}, press {digit}.", in the language of the call
---@field phrases string|string[]|nil  what may be said instead of the label, in a menu with speech
---@field go fun(call: callisto.Call)|callisto.Menu|callisto.Template|string|nil
---@field choice string|nil
---@field outcome string|nil
---@field closing callisto.Wording|nil  the last sentence, for an option with an outcome
local option_fields = {
  digit = { "string" },
  label = { "string", required = true, check = text.check },
  say = { "string|map", check = text.check },
  phrases = { "string|list" },
  go = { "function|string|map" },
  choice = { "string" },
  outcome = { "string" },
  closing = { "string|map", check = text.check },
}

local function check_goodbye(value) return type(value) ~= "boolean" and text.check(value) or nil end

---@class callisto.Menu
---@field name string
---@field greeting callisto.Wording|nil  said once, before the options
---@field options callisto.MenuOption[]
---@field attempts integer
---@field wait number  seconds from the end of the prompt
---@field type_ahead boolean  keys that were typed before the menu count
---@field invalid callisto.Wording|nil  said after a wrong key
---@field goodbye callisto.Wording|boolean
---@field speech boolean  labels may be said
local fields = {
  name = { "string", default = "menu" },
  greeting = { "string|map", check = text.check },
  options = { "list", required = true },
  attempts = { "integer", default = 3, min = 1, max = 10 },
  wait = { "duration", default = 15, min = 1, max = 120 },
  type_ahead = { "boolean", default = true },
  invalid = { "string|map", check = text.check },
  goodbye = { "string|map|boolean", default = true, check = check_goodbye },
  speech = { "boolean", default = false },
}

local Menu = {}
Menu.__index = Menu

local function is_template(value) return type(value) == "table" and type(value.on_call) == "function" end

local function check_go(go)
  if type(go) ~= "table" or getmetatable(go) == Menu or is_template(go) then return nil end
  return "'go' must be a function, a menu, a template or the name of a menu of the set"
end

local function read_option(given, place)
  local what = ("option %d"):format(place)
  local option, why = options.try(what, given, option_fields)
  if not option then return nil, why end
  option.digit = option.digit or tostring(place)
  local count = (option.go and 1 or 0) + (option.choice and 1 or 0) + (option.outcome and 1 or 0)
  if count ~= 1 then why = "of 'go', 'choice' and 'outcome' it needs exactly one" end
  why = choosing.check_digit(option.digit) or why or check_go(option.go)
  if not why and option.outcome and not option.outcome:match("^[%w_%-]+$") then
    why = "'outcome' must be letters, digits, '_' and '-'"
  end
  if why then return nil, what .. ": " .. why end
  return option
end

local function read_options(self)
  if #self.options == 0 then return nil, "'options' is empty: there is nothing to choose from" end
  local list = {}
  for i, given in ipairs(self.options) do
    local option, why = read_option(given, i)
    if not option then return nil, why end
    list[i] = option
  end
  self.options = list
  return choosing.by_digit(list)
end

-- What may be said, in a menu with speech.
local function spoken_choices(self)
  local choices = {}
  self.by_label = {}
  for _, option in ipairs(self.options) do
    choices[option.label] = option.phrases or option.label
    self.by_label[option.label] = option
  end
  return choices
end

local function build(given, level, name)
  local title = type(given) == "table" and (given.name or name) or name
  local what = title and ("menu '%s'"):format(tostring(title):sub(1, 64)) or "menu"
  local self, why = options.try(what, given, fields)
  if not self then error(why, level) end
  if not given.name and name then self.name = name end
  self.by_digit, why = read_options(self)
  if not self.by_digit then error(("%s: %s"):format(what, why), level) end
  if self.speech then self.choices = spoken_choices(self) end
  return setmetatable(self, Menu)
end

-- Sets ---------------------------------------------------------------------------------------------------------------

local function resolve(menus, self)
  for i, option in ipairs(self.options) do
    if type(option.go) == "string" then
      local target = menus[option.go]
      if not target then
        return ("menu '%s': option %d: 'go' leads to %s"):format(self.name, i, choosing.not_there(option.go, menus))
      end
      option.go, option.go_name = target, option.go
    end
  end
end

local function check_ends(start, menus)
  return choosing.find_trap(start, function(name)
    local leads, has_end = {}, false
    for _, option in ipairs(menus[name].options) do
      if option.go_name then leads[#leads + 1] = option.go_name else has_end = true end
    end
    return leads, has_end
  end)
end

---Menus that lead to each other by name. Returns the one to begin with.
---@param start string
---@param given table<string, table|callisto.Menu>
---@return callisto.Menu
function menu.set(start, given)
  if type(given) ~= "table" then error("menu.set needs the name of the first menu and a table of menus", 2) end
  local menus, names = {}, {}
  for name in pairs(given) do names[#names + 1] = tostring(name) end
  table.sort(names)
  for _, name in ipairs(names) do
    local each = given[name]
    menus[name] = getmetatable(each) == Menu and each or build(each, 3, name)
  end
  if not menus[start] then error(("menu.set: it begins with %s"):format(choosing.not_there(tostring(start), menus)), 2) end
  for _, name in ipairs(names) do
    local why = resolve(menus, menus[name])
    if why then error(why, 2) end
  end
  local trap = check_ends(start, menus)
  if trap then error(("menu '%s': no end can be reached from it; give some option an 'outcome'"):format(trap), 2) end
  return menus[start]
end

-- Running ------------------------------------------------------------------------------------------------------------

local function said_of(call, option, words)
  if option.say then return call:_worded(option.say) end
  return words.press:format(option.label, words.keys[option.digit] or option.digit)
end

-- What the menu says in the language of the call: its options, and that before them.
local function sayings_of(self, call)
  local words = language.of(call.language) or language.plain
  local parts = {}
  for i, option in ipairs(self.options) do parts[i] = said_of(call, option, words) end
  local prompt = table.concat(parts, " ")
  local invalid = self.invalid and call:_worded(self.invalid) or words.not_a_choice
  return {
    prompt = prompt, invalid = invalid .. " " .. prompt,
    first = self.greeting and call:_worded(self.greeting) .. " " .. prompt or prompt,
    goodbye = self.goodbye == true and words.goodbye or self.goodbye,
  }
end

---@private One of the options, or nil and the reason. Without a choice the call ends here when there is a goodbye.
function Menu:_choose(call)
  local about = { by_digit = self.by_digit, by_label = self.by_label, wait = self.wait }
  if self.choices then about.expected = answers.read("menu", { choices = self.choices }, 1) end
  local says = sayings_of(self, call)
  local sentence, reason = says.first, nil
  local attempt, wrong_keys = 1, 0
  call._keys:begin(self.type_ahead)
  while attempt <= self.attempts and wrong_keys < choosing.MOST_WRONG_KEYS do
    local option
    option, reason = choosing.once(call, about, sentence)
    if option then return option end
    sentence = reason == "silence" and says.prompt or says.invalid
    if reason == "invalid" then wrong_keys = wrong_keys + 1 else attempt = attempt + 1 end
  end
  if says.goodbye then call:_close("IDLE_TIMEOUT", says.goodbye) end
  return nil, reason
end

---As a step of a flow: where the caller's choice leads.
---@param call callisto.Call
---@return any next_step
function Menu:step(call)
  local option = self:_choose(call)
  if not option then return nil end
  if option.outcome then call:finish(option.outcome, option.closing) end
  if option.choice then
    error(("menu '%s': the choice '%s' leads nowhere; ask with call:menu, or use 'go'"):format(self.name, option.choice), 0)
  end
  return option.go
end

---For call:menu.
---@param call callisto.Call
---@return string|any choice, string? reason
function Menu:run(call)
  local current = self
  while true do
    local option, reason = current:_choose(call)
    if not option then return nil, reason end
    if option.choice then return option.choice end
    if option.outcome then call:finish(option.outcome, option.closing) end
    if type(option.go) == "function" then return option.go(call) end
    if is_template(option.go) then call:become(option.go) end
    current = option.go
  end
end

---Why a menu cannot be a template's whole flow, or nil.
---@param self callisto.Menu
---@return string|nil problem
function menu.as_flow(self)
  local seen = {}
  local function look(each)
    if seen[each] then return nil end
    seen[each] = true
    for i, option in ipairs(each.options) do
      if option.choice then
        return ("menu '%s': option %d: a 'choice' leads nowhere here; use 'go' or 'outcome'"):format(each.name, i)
      end
      local why = getmetatable(option.go) == Menu and look(option.go)
      if why then return why end
    end
  end
  return look(self)
end

---What a menu and those it leads to say, each with its place.
---@param self callisto.Menu
---@param visit fun(place: string, sentence: callisto.Wording): any  what it returns, unless nil, ends the walk
---@return any
function menu.each_sentence(self, visit)
  local seen = {}
  local function look(each)
    if seen[each] then return nil end
    seen[each] = true
    local at = ("menu '%s': "):format(each.name)
    for _, name in ipairs { "greeting", "invalid", "goodbye" } do
      local sentence = each[name]
      local found = sentence and sentence ~= true and visit(("%s'%s'"):format(at, name), sentence)
      if found then return found end
    end
    for i, option in ipairs(each.options) do
      for _, name in ipairs { "say", "closing" } do
        local found = option[name] and visit(("%soption %d: '%s'"):format(at, i, name), option[name])
        if found then return found end
      end
      local found = getmetatable(option.go) == Menu and look(option.go)
      if found then return found end
    end
  end
  return look(self)
end

---Whether a value is a menu.
---@param value any
---@return boolean
function menu.is(value) return getmetatable(value) == Menu end

local function build_alone(given, level)
  local built = build(given, level + 1)
  for i, option in ipairs(built.options) do
    if type(option.go) == "string" then
      error(("menu '%s': option %d: 'go' names the menu '%s', but this menu stands alone; put both into menu.set"):format(
        built.name, i, option.go), level)
    end
  end
  return built
end

---@param given table
---@return callisto.Menu
function menu.new(given)
  local built = build_alone(given, 3) -- not a tail call: the level of its errors counts this function
  return built
end

return setmetatable(menu, { __call = function(_, given)
  local built = build_alone(given, 3)
  return built
end })
