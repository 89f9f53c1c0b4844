---@meta callisto.core
-- The C side as a VM sees it: bare operations. The pleasant ones are Lua on top (callisto.task, callisto.flow,
-- callisto.service). Nothing here waits: what takes time returns a request number, and the answer arrives as an event
-- at the VM's handler. `nil, message, code` is what the world refuses; a wrong argument is an error.

---@class callisto.core
---@field forwarding_fields string[] header fields that proxies add, not in calls; one that ends with `*` stands for all that begin so
---@field kind "service"|"call"|"tool" which VM this is
local core = {}

---Seconds on the engine's one clock (monotonic; simulated in specs).
---@return number seconds
function core.now() end

---Seconds since 1970, UTC, with milliseconds.
---@return number seconds
function core.wall() end

---Asks for one `wake` event at this time; a later call replaces an earlier one; nil takes it back.
---@param at number|nil seconds, as core.now()
function core.wake_at(at) end

---Sets the function that receives every event of this VM: handler(kind, ...). Set once, while the VM is set up.
---core/io/event.def lists the events; values are tables, numbers, texts, as they were given.
---Service VM events:
---  "start"                                           the engine is up; begin
---  "stop"                                            SIGTERM: refuse new calls; say core.stopped() when the last has ended
---  "wake"                                            the time of core.wake_at has come
---  "request", request, message                       message: {method, target, path, query, headers = {lower-case name = value}, body, peer};
---                                                    target is path and query as they were sent; nothing is decoded
---  "socket", number, message                         a media socket that came before its call (core.sockets): the upgrade as a
---                                                    request's message, `first`, the list of the texts that came on it, and
---                                                    what it `asks`: "proof", "call" or "words"; answer with
---                                                    core.socket_proven, core.call_open{…, socket = number}, core.socket_refuse
---  "response", fetch, message|nil, text, code, sent  message: {status, headers, body}
---  "stored", request, rows|nil, text, code           rows: list of {column = value}; rows.affected
---  "told", call_id, value                            from a call's VM (core.tell)
---  "leg", call_id, party, "started", about           the leg of a party of one of this VM's calls: {stream, call, rate}; the
---                                                    caller is party 1
---  "leg", call_id, party, "error", about             {code, text}: the other side of the leg's socket says that something is wrong
---  "leg", call_id, party, "ended", about             {reason, text, message, underruns, …}
---  "broken", call_id, code, text                     the call's script was stopped (ETIMEDOUT, ENOMEM) or failed (EINVAL); its fallback is playing
---Call VM events:
---  "begin", value                                    what core.call_open was given as `begin`
---  "wake" / "response" …                             as above
---  "told", value                                     from the service VM
---  "leg", party, "started"|"error"|"ended", about    as above
---  "message", party, text                            a message of the media socket that its wire does not declare
---  "speech", party, "started", at_ms                 the party speaks
---  "speech", party, "stopped", speech_ms
---  "heard", party, about                             {ms, text, choice, digits, number, rejected, error}: what the recogniser
---                                                    made of the last speech; digits and number are text
---  "words", party, "started"|"partial"|"piece"|"likely"|"resumed"|"final", about
---                                                    what an ear of a vendor understood: {text, language, confidence, from_ms,
---                                                    until_ms} (docs/vendors.md)
---  "vendor", party, "ended", {name, text, voice, ear, next}  a voice or ear of a vendor is gone; what it did not say is said by the voice here
---  "digit", party, key, in_band
---  "utterance", party, number, "started"
---  "utterance", party, number, "paused", {heard_ms, heard = text, proven, unproven}
---  "utterance", party, number, "ended", {heard_ms, heard = text, interrupted, with_leg, proven, unproven, error = text|nil}
---@param handler fun(kind: string, ...: any)
function core.handler(handler) end

---A fresh id: prefix, then lower-case base32 (a-z2-7), 130 bits. From the engine's one id source.
---@param prefix string
---@return string
function core.id(prefix) end

---@param bytes integer 1..1024
---@return string
function core.random(bytes) end

---A point in time as text, UTC, in the manner of strftime.
---@param format string
---@param seconds number as core.wall()
---@return string
function core.date(format, seconds) end

---Sends a value to another VM: from a call to its service VM (`call_id` nil), from the service VM to a call. It arrives as a
---copy. Functions and userdata cannot cross.
---@param call_id string|nil
---@param value any  at most 64 KiB
---@param is_last boolean|nil  of a call: that it has ended, which is taken once beyond all it may send
---@return true|nil ok, string? message, string? code  EDQUOT: more than a call may send
function core.tell(call_id, value, is_last) end

---Starts an HTTP request; answered by a `response` event. Never repeated by the client.
---From a call VM private and metadata addresses are refused unless settings allow them; an answer has at most 8 MiB, and a call
---waits for at most 16 answers and 24 MiB of them at a time (EDQUOT).
---With `stream` the `response` comes when status and headers are there, with the number of the stream instead of a body.
---@param request {method: string?, url: string, headers: table<string,string>?, body: string?, stream: boolean?, timeout: number?, connect_timeout: number?, answer_ceiling: integer?, user: string?, password: string?}
---@return integer|nil fetch, string? message, string? code
function core.http_fetch(request) end

---Asks for the next piece of a stream: what has come since the last one, as the body of a `response`; "" is the end. One
---question at a time (EBUSY); ENOENT after the end. Beyond 64 KiB that nobody asked for the peer waits; after 30 s without a
---question the stream is closed.
---@param stream integer
---@return integer|nil read, string? message, string? code
function core.http_read(stream) end

---Closes a stream; a question that waits is answered ECANCELED. Harmless when it is over.
---@param stream integer
function core.http_close(stream) end

-- Service VM only ------------------------------------------------------------------------------------------------

---Answers a request. A client that has gone makes this a no-op.
---@param request integer
---@param status integer
---@param headers table<string,string>|nil
---@param body string|nil
---@param is_open boolean|nil  the body goes on, with core.http_write
function core.http_reply(request, status, headers, body, is_open) end

---The next piece of the body of an answer that is open; answered by a `response` event without a body when there is room for
---the one after it, or by ENOENT or EPIPE: the client has gone. An answer that is not gone on with for 15 s is cut off.
---@param request integer
---@param text string
---@param ending "more"|"last"|"cut"|nil  what comes behind it: [more], nothing, or a broken connection
---@return integer|nil write, string? message, string? code
function core.http_write(request, text, ending) end

---The voice of the process says a text, for services that play vendors; answered by a `response` event whose body is its sound.
---@param text string  at most 4096 bytes
---@param rate integer  Hz, 8000 to 48000
---@param encoding "pcmu"|"pcma"|"l16le"
---@return integer|nil spoken, string? message, string? code
function core.spoken(text, rate, encoding) end

---Compiles a media declaration (see callisto.carrier). The result is shared by all calls of that carrier.
---@param media table
---@return userdata wire
function core.wire(media) end

---Opens a call: takes a warm VM, loads `entry` in it, sends it `begin`, and lets the media token in.
---@param options {id: string, entry: string, begin: any, wire: userdata, role: "agent"|"carrier", path: string?, signature: {header: string, values: string[], required: boolean?}?, carrier_call: string?, token_ttl: number?, recording: string?, longest: number?, lead_ms: integer?, start_deadline: number?, fallback: {text: string, voice: string?}?, socket: integer?, bye: string?}
---`socket`: takes this held socket instead of waiting for one with a token. `bye`: JSON, what the wire's last word says ($bye) until
---core.leg_bye says otherwise.
---`path`: the exact path of the media socket; its last segment is the single-use token. Role carrier: core.leg_dial opens the socket.
---@return true|nil ok, string? message, string? code
function core.call_open(options) end

---Ends a call's VM and forgets the call; its leg, if any, is closed with this code (1000 normal). Harmless twice.
---@param call_id string
---@param close_code integer|nil
function core.call_close(call_id, close_code) end

---Opens another party of a call: a leg of its own, with a token (`path`) or, in role carrier, dialled with core.leg_dial. Its
---number is 2 to 8; what happens to it comes with that number. core.join in the call's VM joins it with others.
---@param call_id string
---@param options {wire: userdata, role: "agent"|"carrier", path: string?, signature: {header: string, values: string[], required: boolean?}?, carrier_call: string?, token_ttl: number?, recording: string?, longest: number?, lead_ms: integer?, start_deadline: number?, bye: string?}  as those of core.call_open
---@return integer|nil party, string? message, string? code
function core.party_open(call_id, options) end

---Role carrier: opens the media socket of an open call. `opening` texts are sent first, `closing` before we close.
---@param call_id string
---@param options {url: string, headers: table<string,string>?, stream: string, carrier_call: string, opening: string[]?, closing: string?, sequence: integer?, wire: userdata?, party: integer?}
---`party`: whose [1]. `wire`: of this socket, when it is not the call's.
---@return true|nil ok, string? message, string? code
function core.leg_dial(call_id, options) end

---Opens a vendor's voice or ear for a party, when its leg is up and as long as it is: `wire` says how it is spoken with
---(callisto.Media: say_out, words_in). From now on it says what core.say is given; what it fails to say is said by the voice here.
---@param call_id string
---@param options {name: string, wire: userdata, url: string, headers: table<string,string>?, opening: string[]?, closing: string?, keepalive: string?, keepalive_every: number?, connect_timeout: number?, patience: number?, deaf_after: number?, catch_up: number?, faults: {[1]: string, [2]: string}[]?, form: table<string,string>?, secrets: string[]?, party: integer?, others: table[]?}
---`opening` texts are sent first, `closing` before we close, `keepalive` every so many seconds [5]. `patience`: seconds without sound
---after which a voice that owes some is given up, seconds without a word after which an ear's turn has ended [5]. `secrets`: what
---the log must not show. Of an ear: `deaf_after` seconds of speech without a word it is connected anew [5; 0: never], `catch_up`:
---how many times faster than it came it takes sound that was kept [4], `faults`: what errors and closes mean ("again", "later",
---"busy", "refused"), `form`: where the URL is one of HTTP, what is sent with each utterance, `others`: ears as these, which listen one after the other when it is left.
---@return true|nil ok, string? message, string? code
function core.vendor_open(call_id, options) end

---What comes in on which path, a route such as "/telephony/twilio/inbound/{agent}". What `begins` calls stands back behind what
---live calls need, and gets this answer at once when a script would be too late for it; what `tells` news goes first, and is
---worked on though its sender has gone. Everything else asks: it stands back, too, beside what begins.
---@param list {path: string, kind: "begins"|"tells", method: string|nil, patience: number|nil, status: integer|nil, type: string|nil, body: string|nil, news: string[]|nil, call: string|nil}[]
---  `method`: any without one; `patience` of the sender [10]; `status` of the refusal [503], `body`: at most 1 KiB; `news`: texts
---  in a body or a query that mark a request as news, at most 8 of 39 bytes; `call`: the parameter of the query that names a live
---  call by our id, whose thread then gets the request
---@return true|nil ok, string? message, string? code
function core.doors(list) end

---Lets media sockets of these paths (prefixes) come without a token: they are held, at most five seconds, and asked about with
---"socket" events: first whether the upgrade proves who comes (core.socket_proven), until when it takes no place, then when `first` text messages are there [1]. `most`: how many at a time, held or as legs; beyond it, and while
---`lines_most` hold the lines of that name (callisto.shared), upgrades get 503 and Retry-After. `sub_protocol` is named in the
---upgrade where the other side offers it.
---@param list {path: string, most: integer|nil, first: integer|nil, lines: string|nil, lines_most: integer|nil, sub_protocol: string|nil}[]
---@return true|nil ok, string? message, string? code
function core.sockets(list) end

---Answers a "socket" event that asks for "proof". One that proves who comes takes a place; one that does not asks for its "words".
---Harmless when the socket is gone.
---@param socket integer
---@param is_proven boolean
function core.socket_proven(socket, is_proven) end

---Turns a held socket away. `text` is sent first, as the answer to what was told; then the socket is closed with this code, or,
---with a `wire`, its replies go on until the other side closes, for a bounded time. Harmless when the socket is gone.
---@param socket integer
---@param options {code: integer?, reason: string?, text: string?, wire: userdata?}|nil
function core.socket_refuse(socket, options) end

---Sends a text on the leg's socket in which the variables of the media declaration stand ($seq, $peer_seq, $stream …), numbered
---like the wire's own messages.
---@param call_id string
---@param text string at most 64 KiB
function core.leg_text(call_id, text) end

---Says what the wire's last word ($bye) will say of this call.
---@param call_id string
---@param json string at most 4,096 bytes
function core.leg_bye(call_id, json) end

---Closes only the caller's leg: at once, or after everything queued has been heard.
---@param call_id string
---@param drain boolean
---@param close_code integer|nil
function core.leg_end(call_id, drain, close_code) end

---Withdraws the media token of a call whose socket has not come (busy, no answer, cancelled).
---@param call_id string
function core.token_withdraw(call_id) end

---Synthesises text now, so that saying it later starts at once.
---@param text string
---@param voice string|nil
function core.voice_prepare(text, voice) end

---Runs one SQL statement on the store; answered by `stored`. Values: nil, boolean, number, string. A fact is answered with
---the code of the trouble while the disk is full or locked, and is written all the same once it is over.
---@param sql string
---@param values any[]|nil
---@param count integer|nil number of values (needed when the last ones are nil)
---@param is_fact boolean|nil
---@return integer|nil request, string? message, string? code
function core.store(sql, values, count, is_fact) end

---Removes the file of a recording that is finished; answered by `stored`, without rows. One that is not there is as good as
---removed. Only what lies in the folder of recordings.
---@param path string  as the store has it
---@return integer|nil request, string? message, string? code
function core.recording_remove(path) end

---Runs one SQL statement that is a fact and has no answer: it is never lost once accepted, unless the process ends while the
---disk is in trouble.
---@param sql string
---@param values any[]|nil
---@param count integer|nil number of values (needed when the last ones are nil)
---@return true|nil accepted, string? message, string? code
function core.store_fact(sql, values, count) end

---Appends a fact of a call to the store (append-only; never lost once accepted). `data` is JSON text.
---@param call_id string
---@param kind string
---@param data string
function core.fact_of(call_id, kind, data) end

---Settings as the command line, the environment and the workspace's callisto.lua gave them.
---@return table
function core.settings() end

---Counts for health pages: {calls, legs, script_threads, generation, digest, port, draining, is_local, node}. `node` is the store's name
---of this one.
---@return table
function core.status() end

---What the judge found in the files of the workspace, as data (callisto.judge).
---@return callisto.Catalog
function core.catalog() end

---Calls a function of a carrier's adapter, which runs in a VM of its own. What goes wrong in it is an error here.
---@param module string  "providers.carriers.twilio"
---@param place string  where the function is: "webhook.verify", "requests.place.1"
---@param arguments table  at 1 to n, and n
---@return table results  at 1 to n, and n
function core.adapter(module, place, arguments) end

---The names of the modules of the current generation that begin with this prefix; broken ones come with their error.
---@param prefix string
---@return {name: string, path: string, error: string|nil}[]
function core.modules(prefix) end

---Has the engine build, verify and take the code on disk. Answered by a `response` event: status and a JSON report.
---@param share integer|nil percent of new calls it gets [100]
---@param is_forced boolean|nil ends a canary of other code
---@return integer|nil request, string? message, string? code
function core.reload(share, is_forced) end

---Ends a canary, or goes back to the code before. Answered like core.reload.
---@return integer|nil request, string? message, string? code
function core.rollback() end

---Which code runs. Answered like core.reload.
---@return integer|nil request, string? message, string? code
function core.code() end

---After "start": everything is ready, requests may come. Without a template /readyz says 503; nil is for services that need none.
---@param has_templates boolean|nil
function core.started(has_templates) end

---Which call a name (our id, or the carrier's) belongs to, and whether this VM owns it.
---@param name string
---@return string|nil call_id, boolean? is_mine
function core.owner(name) end

---Hands a request over to the service VM that owns this call; it arrives there as a `request`.
---@param request integer
---@param message table as it came
---@param call_id string
function core.forward(request, message, call_id) end

---Makes a carrier's call id lead to our call (webhooks may name only that).
---@param call_id string
---@param carrier_call string
---@return true|nil ok, string? message, string? code
function core.alias(call_id, carrier_call) end

---After "stop": the last call has ended, the process may exit.
function core.stopped() end

-- Call VM only ---------------------------------------------------------------------------------------------------
-- Utterances of a party are numbered by the script from 1 upwards; they are heard in the order they were declared. All of these may
-- be used before the media socket exists: they wait for it. Whatever a script orders counts (script/quota.h): EDQUOT is more than a
-- call may have at once, or a second.

---Declares an utterance and has it spoken.
---@param party integer  1: the caller
---@param utterance integer
---@param text string at most 4,000 bytes
---@param options {voice: string?, interruptible: boolean?, reversible: boolean?, digits_stop: boolean?}|nil  reversible: the caller's
---speech pauses it instead of stopping it, and so does core.pause
---@return true|nil ok, string? message, string? code
function core.say(party, utterance, text, options) end

---Declares an utterance from a sound file of the workspace (WAV).
---@param party integer  1: the caller
---@param utterance integer
---@param path string relative to the workspace, no ".."
---@param options {interruptible: boolean?, reversible: boolean?, digits_stop: boolean?}|nil
---@return true|nil ok, string? message, string? code
function core.play(party, utterance, path, options) end

---Plays a sound file of the workspace (WAV) under everything, again and again without a gap, until it is changed or
---switched off; nil: off. It is not an utterance: nothing waits for it, nothing interrupts it. The same file with another
---volume goes on where it is. A file that is not a sound file is logged, and what played before goes on.
---@param party integer  1: the caller
---@param path string|nil relative to the workspace, no ".."
---@param options {volume: number?}|nil  volume: 0..1 [1]
---@return true|nil ok, string? message, string? code   ENOENT: no such file
function core.background(party, path, options) end

---Declares an utterance of tones: "busy", "ringback", "beep", or "digits:12#".
---@param party integer  1: the caller
---@param utterance integer
---@param name string
---@param seconds number 0..60
---@return true|nil ok, string? message, string? code
function core.tone(party, utterance, name, seconds) end

---Stops one utterance, or all when nil. What was heard arrives as "utterance … ended".
---@param party integer  1: the caller
---@param utterance integer|nil
---@return true|nil ok, string? message, string? code
function core.stop(party, utterance) end

---Pauses what is being said, or comes next, if it is reversible: the carrier forgets what it has not played; "utterance … paused" says
---what was heard. Or goes on, from the first word that was not surely heard. Nothing that is said is heard until then; a pause that
---is not ended is over after a minute, and with a stop of everything.
---@param party integer  1: the caller
---@param on boolean
---@return true|nil ok, string? message, string? code
function core.pause(party, on) end

---How to listen from now on. Without choices the speech is cut into utterances but not recognised.
---`numbers`: in words, up to about `max` [9,999,999]. `free_text`: any words, as text; the rest is not looked at then.
---@param party integer  1: the caller
---@param options {endpoint_ms: integer?, choices: table<string, string[]>?, digits: {min: integer, max: integer}?, numbers: boolean|{max: integer?, fraction: boolean?, minus: boolean?}|nil, free_text: boolean?}
---@return true|nil ok, string? message, string? code   a word the recogniser cannot pronounce is named; EOPNOTSUPP: no free text
function core.listen(party, options) end

---Sends keys to the other side: as the carrier's message where the wire has one, else as tones.
---@param party integer  1: the caller
---@param keys string of 0-9*#ABCD
---@return true|nil ok, string? message, string? code
function core.send_digits(party, keys) end

---Sends a raw text message on the media socket.
---@param party integer  1: the caller
---@param text string
---@return true|nil ok, string? message, string? code
function core.send_text(party, text) end

---Pauses (false) or resumes (true) the recording: sensitive input is written as silence.
---@param party integer  1: the caller
---@param on boolean
---@return true|nil ok, string? message, string? code
function core.recording(party, on) end

---Closes a party's leg: at once, or after everything queued for it has been heard.
---@param party integer
---@param drain boolean
---@param close_code integer|nil
---@return true|nil ok, string? message, string? code
function core.party_close(party, drain, close_code) end

---Joins two parties: each hears the other, in C, whatever this script does. A party whose leg has not come is joined when it
---does. Joining them again says anew how. Each is recorded apart: what it says on the left, what it hears on the right.
---@param a integer
---@param b integer
---@param options {hold: boolean?, whisper: integer?}|nil  hold: neither hears the other for now; whisper: only this one of the
---two hears the other
---@return true|nil ok, string? message, string? code
function core.join(a, b, options) end

---Parts two parties. Harmless twice.
---@param a integer
---@param b integer
---@return true|nil ok, string? message, string? code
function core.part(a, b) end

---Appends a fact of this call to the store. `data` is JSON text.
---@param kind string
---@param data string
---@return true|nil ok, string? message, string? code
function core.fact(kind, data) end

---Appends a transcript line. `heard`: what was really heard of an agent's line.
---@param who "agent"|"caller"|"system"
---@param text string
---@param heard string|nil
---@param interrupted boolean|nil
---@param known_by "mark"|"clock"|"nothing"|nil  how that is known
---@return true|nil ok, string? message, string? code
function core.line(who, text, heard, interrupted, known_by) end

return core
