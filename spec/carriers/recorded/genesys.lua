-- A conversation on Genesys' media socket, made of the messages its reference servers show: what the adapter's declaration
-- makes of each, and what it answers. The fields are those of spec/carriers/wires_spec.lua.
-- tests/end_to_end/test_genesys.lua has it with a server.

local SESSION = "5f5f5f5f-6060-4717-8828-939393939393"

local OFFER = [[{"type":"audio","format":"PCMU","channels":["external"],"rate":8000}]]

local OPENED = [[{"startPaused":false,"media":]] .. "[" .. OFFER .. "]}"

local OPEN = [[{"organizationId":"0a0a0a0a-1b1b-4c2c-8d3d-4e4e4e4e4e4e",]]
  .. [["conversationId":"c0c0c0c0-1111-4222-8333-444444444444",]]
  .. [["participant":{"id":"d1d1d1d1-1111-4222-8333-444444444444","ani":"+919800000001","aniName":"Asha",]]
  .. [["dnis":"+918000000002"},]]
  .. [["media":]] .. "[" .. OFFER .. "]"
  .. [[,"language":"en-IN","customConfig":{},"inputVariables":{"lead":"42","queue":"sales"}}]]

-- A message of the client, and the one of the server that answers it.
local function says(kind, seq, serverseq, position, parameters)
  return ([[{"version":"2","id":"%s","type":"%s","seq":%d,"serverseq":%d,"position":"%s","parameters":%s}]]):format(
    SESSION, kind, seq, serverseq, position, parameters)
end

local function hears(kind, seq, clientseq, parameters)
  return ([[{"version":"2","id":"%s","type":"%s","seq":%d,"clientseq":%d,"parameters":%s}]]):format(
    SESSION, kind, seq, clientseq, parameters or "{}")
end

return {
  {
    format = "pcmu/1", read = says("open", 1, 0, "PT0S", OPEN), is = "start", stream = SESSION, call = SESSION,
    reply = hears("opened", 1, 1, OPENED),
  },
  { read = says("ping", 2, 1, "PT1S", "{}"), is = "ignored", reply = hears("pong", 2, 2) },
  { read = says("ping", 3, 2, "PT1.1S", [[{"rtt":"PT0.045S"}]]), is = "ignored", reply = hears("pong", 3, 3) },
  { read = says("playback_started", 4, 3, "PT2S", "{}"), is = "other" },
  { read = says("playback_completed", 5, 3, "PT3S", "{}"), is = "mark" },
  { read = says("discarded", 6, 3, "PT3.5S", [[{"start":"PT3S","discarded":"PT0.5S"}]]), is = "other" },
  { read = says("paused", 7, 3, "PT9S", "{}"), is = "pause" },
  { read = says("resumed", 8, 3, "PT11S", [[{"start":"PT9S","discarded":"PT2S"}]]), is = "resume" },
  { read = says("dtmf", 9, 3, "PT12.4S", [[{"digit":"5"}]]), is = "dtmf", name = "5" },
  { read = says("update", 10, 3, "PT13S", [[{"language":"hi-IN"}]]), is = "ignored", reply = hears("updated", 4, 10) },
  { read = says("error", 11, 4, "PT14S", [[{"code":429,"message":"..","retryAfter":"PT3S"}]]), is = "error", name = "429" },
  { read = "\255\127", is_binary = true, is = "audio", samples = 2 },
  { read = says("close", 12, 4, "PT63.2S", [[{"reason":"end"}]]), is = "stop", reply = hears("closed", 5, 12) },

  -- what else can come, and what is said unasked
  { format = "pcmu/2", read = says("open", 1, 0, "PT0S", OPEN), is = "start",
    reply = hears("opened", 1, 1, (OPENED:gsub('"external"', '"external","internal"'))) },
  { read = "\255\0\255\0", is_binary = true, is = "audio", sound = "\0\0\0\0" },
  { read = "\255\0\255", is_binary = true, is = "audio", sound = "\0\0" },
  { write = "clear", text = hears("event", 2, 1, [[{"entities":[{"type":"barge_in","data":{}}]}]]) },
  { write = "mark", name = "turn-7-end", why = "EOPNOTSUPP" },
  { write = "dtmf", name = "1", why = "EOPNOTSUPP" }, -- keys go as tones
  {
    write = "bye", name = [[{"reason":"completed","outputVariables":{"outcome":"agent"}}]],
    text = hears("disconnect", 3, 1, [[{"reason":"completed","outputVariables":{"outcome":"agent"}}]]),
  },
  { read = says("close", 2, 3, "PT63.2S", [[{"reason":"disconnect"}]]), is = "stop", reply = hears("closed", 4, 2) },
  { format = "pcmu/1", read = says("open", 2, 0, "PT0S", OPEN), is = "out of order" },
  { read = says("open", 1, 1, "PT0S", OPEN), is = "out of order" },
  { read = [[{"version":"2","type":"open","seq":1,"serverseq":0,"parameters":{}}]], is = "malformed" },
}
