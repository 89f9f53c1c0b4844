-- callisto.judge.sounds: sound files that a text of the workspace names and that are not there.
--
-- Only what a literal says is known before a call: call:play "audio/hold.wav". A path that is made when the call runs is the
-- call's affair: call:play then says what is wrong.

local place = require "callisto.judge.place"

local sounds = {}

local takes_sound = { play = true, background = true, hold = true }

local LITERAL = "()%f[%w_]call:(%a+)%s*%(?%s*{?%s*([\"'])([^\"'\\\n]+)%3%s*()"

local function is_there(path)
  local file = io.open(path, "rb")
  if file then file:close() end
  return file ~= nil
end

---@param text string  of a file
---@param folder string  of the workspace, with "/" at its end; "": the one we are in
---@return {line: integer, verb: string, path: string}[]
function sounds.missing(text, folder)
  local list = {}
  for at, verb, _, path, behind in text:gmatch(LITERAL) do
    local is_whole = text:sub(behind, behind + 1) ~= ".."
    if takes_sound[verb] and is_whole and not place.is_comment(text, at) and not is_there(folder .. path) then
      list[#list + 1] = { line = place.line_of(text, at), verb = verb, path = path }
    end
  end
  return list
end

return sounds
