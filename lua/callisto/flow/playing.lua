-- callisto.flow.playing: how a call plays sounds: files, tones, something in the background. These are methods of the call
-- object, loaded when one of them is first called.

local core = require "callisto.core"
local duration = require "callisto.duration"
local options = require "callisto.options"
local speaking = require "callisto.flow.speaking"
local task = require "callisto.task"

-- The party of the call that a flow speaks with (core.say and the like).
local CALLER = 1

---@class callisto.Call
local Call = {}

local play_fields = { barge_in = { "boolean" }, digits_stop = { "boolean", default = false } }

local function check_path(path, what)
  if type(path) ~= "string" or path == "" or path:sub(1, 1) == "/" or path:find("..", 1, true) then
    error(what .. " needs the path of a sound file inside the workspace", 3)
  end
end

---Plays a sound file of the workspace and waits for its end.
---@param path string
---@param opts {barge_in: boolean?, digits_stop: boolean?}|nil
---@return callisto.Said
function Call:play(path, opts)
  opts = options.read("call:play", opts, play_fields)
  check_path(path, "call:play")
  local utterance = speaking.declare(self, ("[%s]"):format(path))
  local interruptible = opts.barge_in
  if interruptible == nil then interruptible = self.template.barge_in end
  return speaking.heard_out(speaking.told(self, utterance, core.play(CALLER, utterance.number, path, {
    interruptible = interruptible,
    digits_stop = opts.digits_stop,
  })))
end

---Plays "busy", "ringback", "beep" or "digits:12#" and waits for its end.
---@param name string
---@param length string|number  duration, at most 60 s
---@return callisto.Said
function Call:tone(name, length)
  local seconds = duration.seconds(length, "call:tone: the length")
  local utterance = speaking.declare(self, ("[%s]"):format(name))
  return speaking.heard_out(speaking.told(self, utterance, core.tone(CALLER, utterance.number, name, seconds)))
end

local background_fields = { volume = { "number", default = 0.3, min = 0, max = 1 } }

---Plays a sound file of the workspace under everything that is said, again and again without a gap, and returns at once.
---It goes on until it is changed or, with nil, switched off; the same file with another volume goes on where it is.
---@param path string|nil
---@param opts {volume: number?}|nil  volume: 0 to 1 [0.3]
---@return true|nil ok, string? message, string? code  "ENOENT": there is no such file
function Call:background(path, opts)
  opts = options.read("call:background", opts, background_fields)
  if path == nil then return core.background(CALLER, nil) end
  check_path(path, "call:background")
  return core.background(CALLER, path, { volume = opts.volume })
end

local hold_fields = {
  [1] = { "string", required = true },
  say = { "string" },
  every = { "duration", default = 20, min = 1 },
}

-- Plays until it is cancelled, or the sound cannot be played.
local function play_on(self, hold)
  local said_at = core.now()
  while true do
    local result = self:play(hold[1], { barge_in = false })
    if result.error or result.heard_ms == 0 then return end
    if hold.say and core.now() - said_at >= hold.every then
      self:say(hold.say, { barge_in = false })
      said_at = core.now()
    end
  end
end

---Runs a function while the caller hears a sound file again and again, and between its rounds perhaps a sentence.
---@param sound string|{[1]: string, say: string?, every: string|number|nil}  path inside the workspace
---@param fn function
---@return any ...  what fn returned
function Call:hold(sound, fn, ...)
  local hold = options.read("call:hold", type(sound) == "string" and { sound } or sound, hold_fields)
  check_path(hold[1], "call:hold")
  if type(fn) ~= "function" then error("call:hold needs the function to run meanwhile", 2) end
  local music = task.spawn(play_on, self, hold)
  return task.finally(fn, function() music:cancel() end, ...)
end

return { methods = Call }
