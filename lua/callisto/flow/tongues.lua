-- callisto.flow.tongues: a call that speaks several languages. Methods of the call object, loaded when one is first called.

local log = require "callisto.log"
local wording = require "callisto.wording"

---@class callisto.Call
local Call = {}

local function refuse(sentence, level)
  local instead = type(sentence) == "table" and 'or texts by language such as { en = "…", hi = "…" }' or "not " .. type(sentence)
  error("a sentence must be text, " .. instead, level + 1)
end

---@private A sentence in the language of the call; for what is not one an error at a level, or nil without one.
function Call:_worded(sentence, level)
  if type(sentence) == "string" then return sentence end
  local found, is_other = wording.pick(sentence, self.language, wording.languages(self.template.voice))
  if not found and level then refuse(sentence, level) end
  if is_other then
    log.warn(('call %s: a sentence is not given in "%s": %s'):format(self.id, self.language, found:sub(1, 80)))
  end
  return found
end

---Goes on in another language of the template (`voice.language`): sentences that are given by language are said in it, and so
---are values. Ears and voices of vendors follow as far as they can tell languages apart.
---@param tag string  such as "hi"
function Call:speak_in(tag)
  local languages = wording.languages(self.template.voice)
  for _, each in ipairs(languages) do
    if each == tag or each:match "^%a+" == tag then
      self.language = each
      return
    end
  end
  error(("call:speak_in: the template does not speak '%s'; voice.language has: %s"):format(tostring(tag),
    table.concat(languages, ", ")), 2)
end

return { methods = Call }
