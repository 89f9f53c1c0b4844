-- Messages of Vobiz's media socket, as its pages show them: what the adapter's declaration makes of each.
-- The fields are those of spec/carriers/recorded/telnyx.lua.

local function start(encoding, rate)
  return [[{"sequenceNumber":0,"event":"start","start":{"callId":"6e558798-1111","streamId":"20170ada-0000",]]
    .. [["accountId":"500025","tracks":["inbound"],"mediaFormat":{"encoding":"]] .. encoding .. [[","sampleRate":]] .. rate
    .. [[}},"extra_headers":"{}"}]]
end

local ONE_TWO = [[{"event":"media","media":{"track":"inbound","payload":"AQI="}}]] -- the bytes 1 and 2

return {
  { format = "pcmu/8000", read = start("audio/x-mulaw", 8000), is = "start", stream = "20170ada-0000", call = "6e558798-1111" },
  {
    read = [[{"sequenceNumber":2,"streamId":"20170ada-0000","event":"media","media":{"track":"inbound",]]
      .. [["timestamp":"1719300000123","chunk":2,"payload":"//////8="},"extra_headers":"{}"}]],
    is = "audio", samples = 5,
  },
  { read = [[{"event":"playedStream","name":"turn-7-end"}]], is = "mark", name = "turn-7-end" },
  { read = [[{"event":"clearedAudio","streamId":"20170ada-0000"}]], is = "other" },
  { read = [[{"event":"dtmf","streamId":"20170ada-0000","dtmf":{"track":"inbound","digit":"#"}}]], is = "dtmf", name = "#" },
  {
    write = "audio", samples = 160, bytes = 160,
    like = [[^{"event":"playAudio","streamId":"20170ada%-0000",]]
      .. [["media":{"contentType":"audio/x%-mulaw","sampleRate":8000,"payload":"]],
  },
  { write = "mark", name = "turn-7-end", text = [[{"event":"checkpoint","streamId":"20170ada-0000","name":"turn-7-end"}]] },
  { write = "clear", text = [[{"event":"clearAudio","streamId":"20170ada-0000"}]] },
  { write = "dtmf", name = "1", why = "EOPNOTSUPP" }, -- keys go as tones
  { format = "pcmu/8000+tones", read = [[{"event":"dtmf","dtmf":{"digit":"#"}}]], is = "other" },

  -- big-endian in, little-endian out
  { format = "l16/8000", read = start("audio/x-l16", 8000), is = "start" },
  { read = ONE_TWO, is = "audio", sound = "\2\1" },
  { write = "audio", sound = "\1\2", like = '"payload":"AQI="' },
  { format = "l16le/16000", read = start("audio/x-l16", 16000), is = "start" },
  { read = ONE_TWO, is = "audio", sound = "\1\2" },
  { format = "l16le/16000", read = start("audio/x-l16", 8000), is = "wrong format" },
}
