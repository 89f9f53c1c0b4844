-- callisto.exchange.twilio.rest: how Twilio's REST interface answers: errors, resources, pages of them.

local http = require "callisto.http"
local json = require "callisto.json"
local twilio_call = require "callisto.exchange.twilio.call"
local unplayed = require "callisto.exchange.unplayed"

local rest = {}

local PAGE, PAGE_MOST = 50, 1000

local account ---@type {sid: string, token: string}
local home ---@type string|nil where we are reached

---@param given {sid: string, token: string}
---@param api string|nil  where the application reaches us, if that is known
function rest.start(given, api) account, home = given, api end

---Learns from a request where we are reached.
---@param message table
function rest.reached(message)
  local host = message.headers.host
  if host and host:find "^[%w%-._:%[%]]+$" then home = "http://" .. host end
end

---The URL of a path below the account.
---@param path string
---@return string
function rest.url(path) return (home or "https://api.twilio.com"):gsub("/+$", "") .. rest.uri(path) end

---@param path string
---@return string
function rest.uri(path) return ("/2010-04-01/Accounts/%s%s"):format(account.sid, path) end

local function headers()
  return {
    ["content-type"] = "application/json", ["twilio-request-id"] = twilio_call.sid "RQ", ["twilio-concurrent-requests"] = "1",
  }
end

---@return integer status, table headers, string body
function rest.refuse(status, code, message)
  return status, headers(), json.encode {
    code = code, message = message, more_info = "https://www.twilio.com/docs/errors/" .. code, status = status,
  }
end

---What the carrier may know and we do not.
---@param name string
---@return integer status, table headers, string body
function rest.unplayed(name) return rest.refuse(400, 20001, ("The exchange does not play the parameter '%s'"):format(name)) end

---@return integer status, table headers, string body
function rest.not_found(message)
  return rest.refuse(404, 20404, "The requested resource " .. message.path .. " was not found")
end

---@return integer status, table headers, string body
function rest.answer(status, value) return status, headers(), json.encode(value) end

---A value, or JSON's null.
function rest.or_null(value)
  if value == nil then return json.null end
  return value
end

local of_pages = { "PageSize", "Page", "PageToken" }

---A page of a list, newest first. Filters it does not know are refused.
---@param what string  its name: "calls"
---@param path string
---@param query table<string, string>
---@param filters string[]  the parameters that the list knows
---@param all table[]  oldest first
---@param fits fun(each: table): boolean
---@param resource fun(each: table): table
---@return integer status, table headers, string body
function rest.page(what, path, query, filters, all, fits, resource)
  local known = unplayed.set(of_pages)
  for _, name in ipairs(filters) do known[name] = true end
  local strange = unplayed.first(query, known)
  if strange then return rest.unplayed(strange) end
  local size = math.max(1, math.min(tonumber(query.PageSize) or PAGE, PAGE_MOST))
  local page = math.max(0, tonumber(query.Page) or 0)
  local rows, found = json.array {}, 0
  for index = #all, 1, -1 do
    if fits(all[index]) then
      found = found + 1
      if found > page * size and #rows < size then rows[#rows + 1] = resource(all[index]) end
    end
  end
  local function uri(number)
    local form = { { "PageSize", size }, { "Page", number } }
    for _, name in ipairs(filters) do form[#form + 1] = { name, query[name] } end
    return rest.uri(path) .. "?" .. http.form(form)
  end
  return rest.answer(200, {
    [what] = rows, page = page, page_size = size, start = page * size, ["end"] = page * size + math.max(0, #rows - 1),
    uri = uri(page), first_page_uri = uri(0),
    next_page_uri = found > (page + 1) * size and uri(page + 1) or json.null,
    previous_page_uri = page > 0 and uri(page - 1) or json.null,
  })
end

---@param seconds number|nil
---@return any
function rest.date(seconds) return seconds and twilio_call.date(seconds) or json.null end


return rest
