---@meta
-- callisto.lab: simulated worlds; only in tools, such as `callisto test`. Specs use callisto.spec, which is built on it.

---@class callisto.lab
local lab = {}

---A world with a clock that stands still, and nothing in it.
---@param options {seed: integer|nil, wall: number|nil}  `wall`: the time at first, in seconds since 1970
---@return callisto.Lab
function lab.new(options) end

---A carrier's media socket without a socket: what its wire makes of messages, and what it writes.
---@param media table  one of an adapter's formats
---@return callisto.LabWire
function lab.wire(media) end

---Reads a sound file as a caller's telephone does.
---@param file string  its bytes
---@return number|nil seconds, string? message, string? code
function lab.sound(file) end

---A text as the voice of specs says it, for doubles that speak.
---@param text string
---@param rate integer  Hz
---@return string samples  16 bit, little-endian
function lab.spoken(text, rate) end

---What understands that voice, for doubles that listen.
---@param rate integer  Hz
---@return callisto.LabEar
function lab.ear(rate) end

---@class callisto.LabEar
local LabEar = {}

---@param samples string  16 bit, little-endian
---@return string[] words  that are over with these samples
function LabEar:put(samples) end

---@class callisto.LabWire
local LabWire = {}

---Reads a message of the carrier's. `samples` are 16 bit, little-endian.
---@param message string
---@param is_binary boolean|nil
---@return string kind  "audio", "start", "mark", "dtmf", "stop", "clear", "other", "ignored", "malformed", "wrong format" …
---@return {name: string|nil, reason: string|nil, stream: string|nil, call: string|nil, samples: string|nil, words: table[]|nil, utterance: string|nil, times: {[1]: string, [2]: integer}[]|nil, is_mark: boolean|nil} about  `words`: what was told, each
---  { kind, text, turn, language, confidence, from_ms, until_ms }; `times`: text and end in milliseconds
function LabWire:read(message, is_binary) end

---Writes a message to the other side: "audio" with samples, "mark" with a name, "dtmf" with keys, "clear", "stop", "say" with
---a text, the name of the utterance, that of a voice and which of its messages it is, "cancel" with the name of an utterance.
---@param what string
---@param value string|nil
---@param name string|nil
---@param voice string|nil
---@param part integer|nil  [1]
---@return string|nil message, string? why
function LabWire:write(what, value, name, voice, part) end

---@class callisto.Lab
local Lab = {}

---Adds an engine and runs it until it is ready.
---@param options callisto.LabEngineOptions
---@return callisto.LabEngine|nil engine, string? message, string? code
function Lab:engine(options) end

---@class callisto.LabEngineOptions
---@field host string  name under which others reach it, https
---@field service string  entry of its service VM: "callisto.service"
---@field warm string  what calls' VMs have loaded: "callisto.flow"
---@field workspace string|nil
---@field settings string|nil  what core.settings() gives, as JSON
---@field headers string|nil  request headers that scripts see, separated by blanks
---@field sources table<string, string>|nil  texts of modules that go before those of the workspace
---@field trace string|nil  file for a trace of what happens on calls
---@field real_voice boolean|nil  the built-in voice and ear instead of those of specs; `words` stays empty then
---@field budget number|nil  seconds of CPU time for an entry of a call's script
---@field memory integer|nil  bytes of a call's VM

---Moves the clock; everything that falls due happens. An error of a handler is raised when it stands still again.
---@param seconds number
---@return boolean stirred  something happened that a spec can see
function Lab:advance(seconds) end

---The same, but only until something happened that a spec can see: a word, a request, an answer.
---@param seconds number
---@return boolean stirred
function Lab:step(seconds) end

---@return number seconds since the beginning
function Lab:now() end
---@return number seconds since 1970
function Lab:wall() end

---A request of the spec itself. `fn` gets {status, headers, body}, or nil, message, code, was_sent.
---@param request {method: string|nil, url: string, headers: table<string, string>|nil, body: string|nil, timeout: number|nil}
---@param fn fun(response: table|nil, message: string|nil, code: string|nil, was_sent: boolean|nil)
function Lab:fetch(request, fn) end

---Stands for a host that is not ours. `fn` gets { method, url, path, query, headers, body, host, number } and gives
---{ status = 200, headers = {}, body = "", after = seconds, open = false }, or { fault = "silent" | "cut" }; nil is 404.
---The body of one that is open goes on with `piece`.
---@param authority string  "api.shop.example" or "api.shop.example:8443"
---@param fn (fun(request: table): table|nil)|nil  nil takes it away
---@param on_socket (fun(request: table): callisto.LabSocketHandlers|integer)|nil  takes a WebSocket, or refuses with a status
function Lab:host(authority, fn, on_socket) end

---The next piece of the body of an answer that is open.
---@param number number  the request's
---@param text string
---@param ending "more"|"last"|"cut"|nil  what comes behind it: [more], nothing, or a broken connection
---@return true|nil, string? message, string? code  ENOENT: who asked has gone
function Lab:piece(number, text, ending) end

---Calls a function when so much time has passed.
---@param seconds number
---@param fn fun()
function Lab:after(seconds, fn) end

---A WebSocket of the spec itself. What goes wrong later comes as `close`, once.
---@param options {url: string, headers: table<string, string>|nil, protocol: string|nil}
---@param handlers callisto.LabSocketHandlers
---@return callisto.LabSocket
function Lab:dial(options, handlers) end

---@class callisto.LabSocketHandlers
---@field open fun(socket: callisto.LabSocket)|nil
---@field message fun(socket: callisto.LabSocket, data: string, is_binary: boolean)|nil
---@field close fun(socket: callisto.LabSocket, code: integer, reason: string, status: integer)|nil  `status`: with which an upgrade was refused, else 0

---@class callisto.LabSocket
local LabSocket = {}
---@param data string
---@param is_binary boolean|nil
---@return true|nil, string? message, string? code
function LabSocket:send(data, is_binary) end
---Harmless twice.
---@param code integer|nil  1000
---@param reason string|nil
function LabSocket:close(code, reason) end

---What is wrong with a host from now on; nil: nothing.
---@param authority string
---@param fault {latency: number|nil, refuse: string|nil, silent: boolean|nil, cut: boolean|nil, piece: integer|nil, piece_every: number|nil, cut_after: integer|nil}|nil
---  a body that is streamed comes in pieces of `piece` bytes, one every `piece_every` seconds, and breaks off after `cut_after`
function Lab:fault(authority, fault) end

---What subscribers of the exchange have heard, without the first `after` entries.
---@param after integer|nil
---@return {at: number, to: number, word: string, line: string}[]
function Lab:words(after) end

---Whether something sounds in a subscriber's ear now.
---@param line string
---@return boolean
function Lab:is_loud(line) end

---Requests that were answered or failed, in order of their end.
---@param after integer|nil
---@return table[] at, host, method, url, path, query, headers, body, and status or error
function Lab:requests(after) end

---What the engines have logged.
---@param after integer|nil
---@return {at: number, text: string}[]
function Lab:log(after) end

---How much there is now of: sockets, calls, vms, legs, events, commands, speech, timers, tasks.
---@return table<string, integer>
function Lab:left() end

---Ends it. Harmless twice.
---@return integer|nil handles  that were left open; 0 is expected
function Lab:close() end

---@class callisto.LabEngine
local LabEngine = {}

---Tells a call's script something, as its service does.
---@param call string
---@param text string
---@return true|nil, string? message, string? code
function LabEngine:tell(call, text) end
---The folder of its recordings and its database, which goes with the lab.
---@return string
function LabEngine:folder() end

---No new calls; live ones go on to their end.
function LabEngine:drain() end

---Sets a value of the engine's callisto.shared.
---@param key string
---@param value string
---@return true|nil, string? message, string? code
function LabEngine:share(key, value) end
---@param key string
---@return string|nil
function LabEngine:shared(key) end

return lab
