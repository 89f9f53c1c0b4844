-- callisto.exchange.twilio.numbers: Twilio's IncomingPhoneNumbers, and how it reads the numbers it is given.

local crypto = require "callisto.crypto"
local rest = require "callisto.exchange.twilio.rest"
local unplayed = require "callisto.exchange.unplayed"

local twilio_numbers = {}

local account
local numbers ---@type table<string, table>  as the settings have them; changes are made there

---@param given {sid: string}
---@param of_settings table<string, table>
function twilio_numbers.start(given, of_settings) account, numbers = given, of_settings end

---A number as Twilio understands it: "(415) 555-0100" is "+14155550100".
---@param text string|nil
---@return string|nil
function twilio_numbers.read(text)
  if not text then return nil end
  local plain = text:gsub("[%s().%-]", "")
  if plain:find "^[2-9]%d%d%d%d%d%d%d%d%d$" then return "+1" .. plain end
  if plain:find "^1[2-9]%d%d%d%d%d%d%d%d%d$" then return "+" .. plain end
  return plain
end

-- The same for a number every time.
local function sid_of(number) return "PN" .. crypto.hex(crypto.digest("sha256", number)):sub(1, 32) end

local function all()
  local list = {}
  for number, about in pairs(numbers) do list[#list + 1] = { number = number, about = about } end
  table.sort(list, function(a, b) return a.number > b.number end)
  return list
end

local function resource(each)
  local about = each.about
  return {
    sid = sid_of(each.number), account_sid = account.sid, phone_number = each.number, friendly_name = each.number,
    voice_url = rest.or_null(about.voice_url), voice_method = about.method or "POST",
    voice_fallback_url = rest.or_null(about.fallback_url), status_callback = rest.or_null(about.status_callback),
    status_callback_method = "POST", status = "in-use", capabilities = { voice = true, sms = false, mms = false, fax = false },
    uri = rest.uri(("/IncomingPhoneNumbers/%s.json"):format(sid_of(each.number))),
  }
end

-- What of a number can be changed, and what we call it.
local changes = { VoiceUrl = "voice_url", VoiceMethod = "method", VoiceFallbackUrl = "fallback_url",
  StatusCallback = "status_callback" }

local function update(each, params)
  local strange = unplayed.first(params, changes)
  if strange then return rest.unplayed(strange) end
  for name, field in pairs(changes) do each.about[field] = params[name] or each.about[field] end
  return rest.answer(200, resource(each))
end

---Answers a request about numbers; nil when it is about something else.
---@return integer|nil status, table|nil headers, string|nil body
function twilio_numbers.handle(message, path, params, _, query)
  if path == "/IncomingPhoneNumbers.json" then
    if message.method ~= "GET" then return rest.refuse(405, 20004, "The exchange sells no numbers") end
    local wanted = twilio_numbers.read(query.PhoneNumber)
    return rest.page("incoming_phone_numbers", path, query, { "PhoneNumber" }, all(), function(each)
      return not wanted or each.number:find(wanted, 1, true) ~= nil
    end, resource)
  end
  local sid = path:match "^/IncomingPhoneNumbers/(PN%x+)%.json$"
  if not sid then return nil end
  for _, each in ipairs(all()) do
    if sid_of(each.number) == sid then
      if message.method == "POST" then return update(each, params) end
      return rest.answer(200, resource(each))
    end
  end
  return rest.not_found(message)
end

return twilio_numbers
