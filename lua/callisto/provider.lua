-- callisto.provider: what every provider of the workspace's providers/ has in common, be it a carrier, a voice or an ear.
--
-- A provider is one Lua file of providers/<kind>/ that returns what callisto.provider.<kind> made of a table: data and pure
-- functions. Requests come in and requests go out as tables; nothing in it waits, opens a socket or keeps state.
--
--   name      as settings and templates call it
--   account   field → name of the environment variable; `required` lists the fields it cannot do without
--   media     its formats of audio (callisto.provider.media)
--   requests  what it can be asked for, by name: { what is asked, what the answer proves }
--   limits    how much of it may be used
--
-- The first function of a request gets what it is about, the account and details: fn(subject, account, more) → request, as for
-- http.fetch. The second reads what came of it: fn(message, text, code, sent, subject) → result, where `message` is nil when
-- there is no answer, and `sent` is false when the request certainly did not leave.

local media = require "callisto.provider.media"
local options = require "callisto.options"

local provider = {}

---@class callisto.ProviderError
---@field code string  the provider's own code, or ours
---@field message string
---@field retryable boolean  the same request may be sent again
---@field is_about_number boolean|nil  the number to be called cannot be called
local error_meta = { __tostring = function(self) return ("%s: %s"):format(self.code, self.message) end }

---@param code string|integer
---@param message string
---@param retryable boolean|nil
---@return callisto.ProviderError
function provider.error(code, message, retryable)
  return setmetatable({ code = tostring(code), message = message, retryable = retryable or false }, error_meta)
end

local function copy_of(value)
  if type(value) ~= "table" then return value end
  local copy = {}
  for name, each in pairs(value) do copy[name] = copy_of(each) end
  return copy
end

---A provider as its file gave it, of data and of what stands for its functions, to be checked once more.
---@param data table  with `functions`: the places of its functions ("webhook.verify")
---@param make fun(place: string): function
---@return table given
function provider.rebuild(data, make)
  local given = copy_of(data)
  given.module, given.functions = nil, nil
  for _, place in ipairs(data.functions) do
    local inside, name = given, nil
    for part in place:gmatch "[^.]+" do
      inside, name = name and inside[name] or inside, tonumber(part) or part
    end
    inside[name] = make(place)
  end
  return given
end

---What a function of a provider gave, as data that can cross to another VM.
---@param value any
---@return any
function provider.to_data(value)
  if getmetatable(value) ~= error_meta then return value end
  local fields = {}
  for name, each in pairs(value) do fields[name] = each end
  return { provider_error = fields }
end

---The same again, on the other side.
---@param value any
---@return any
function provider.of_data(value)
  local fields = type(value) == "table" and value.provider_error
  return fields and setmetatable(fields, error_meta) or value
end

---@class callisto.ProviderRequest  a pair: what is asked, and what the answer proves
---@field [1] fun(subject: any, account: table, more: any): table  request
---@field [2] fun(message: table|nil, text: string?, code: string?, sent: boolean?, subject: any): any, any, any

local function pair_fault(value)
  local function is_function(each) return type(each) == "function" end
  if is_function(value[1]) and is_function(value[2]) then return nil end
  return "must be { what is asked, what the answer proves }: two functions"
end

---The specification of a request (callisto.options).
---@param more table<string, table>|nil  fields beside the two functions
---@return table
function provider.pair(more)
  local fields = { { "function" }, { "function" } }
  for name, field in pairs(more or {}) do fields[name] = field end
  return { "map", check = pair_fault, fields = fields }
end

local function with_common(fields)
  local all = {
    name = { "string", required = true, check = function(name)
      if not name:find "^%l[%l%d_-]*$" then return "must be lower-case letters, digits, '_' and '-'" end
    end },
    account = { "map", default = {}, each = { "string" } },
    required = { "list", default = {}, each = { "string" } },
    media = { "map" },
    requests = { "map", default = {}, fields = {} },
    limits = { "map", default = {}, fields = {} },
  }
  for name, field in pairs(fields) do all[name] = field end
  return all
end

local function missing_account(title, values)
  for _, name in ipairs(values.required) do
    if not values.account[name] then return ("%s: 'required' names '%s', which 'account' lacks"):format(title, name) end
  end
end

---Checks a provider to its last name.
---@param kind string  for messages: "carrier"
---@param given table
---@param fields table<string, table>  what this kind has besides, or instead (callisto.options)
---@return table|nil values, string? message
function provider.check(kind, given, fields)
  local title = ("%s '%s'"):format(kind, tostring(type(given) == "table" and given.name))
  local values, why = options.try(title, given, with_common(fields))
  if not values then return nil, why end
  why = missing_account(title, values)
  if why then return nil, why end
  if values.media then
    values.media, why = media.check(title, values.name, values.media)
    if not values.media then return nil, why end
  end
  return values
end

local made = setmetatable({}, { __mode = "k" }) ---@type table<table, string> provider → its kind

---What makes a module a maker of providers: `carrier { … }`. What is wrong is an error at the line that calls it.
---@param kind string
---@param check fun(given: any): table|nil, string?
---@return table metatable
function provider.maker(kind, check)
  return { __call = function(_, given)
    local values, why = check(given)
    if not values then error(why, 2) end
    made[values] = kind
    return values
  end }
end

---Whether a value is a provider that was checked.
---@param kind string
---@param value any
---@return boolean
function provider.is(kind, value) return made[value] == kind end

return provider
