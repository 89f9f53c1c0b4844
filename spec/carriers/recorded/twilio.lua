-- Messages of Twilio's media socket, as its pages show them: what the adapter's declaration makes of each.
-- The fields are those of spec/carriers/wires_spec.lua.

return {
  { format = "pcmu/8000", read = [[{"event":"connected","protocol":"Call","version":"1.0.0"}]], is = "other" },
  {
    read = [[{"event":"start","sequenceNumber":"1","streamSid":"MZ0011","start":{"streamSid":"MZ0011","accountSid":"AC0011",]]
      .. [["callSid":"CA0011","tracks":["inbound"],"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1},]]
      .. [["customParameters":{"lead_id":"42","token":"b64url-one-time-token"}}}]],
    is = "start", stream = "MZ0011", call = "CA0011",
  },
  {
    read = [[{"event":"media","sequenceNumber":"3","streamSid":"MZ0011",]]
      .. [["media":{"track":"inbound","chunk":"1","timestamp":"120","payload":"//////8="}}]],
    is = "audio", samples = 5,
  },
  {
    read = [[{"event":"dtmf","sequenceNumber":"17","streamSid":"MZ0011","dtmf":{"track":"inbound_track","digit":"5"}}]],
    is = "dtmf", name = "5",
  },
  {
    read = [[{"event":"mark","sequenceNumber":"42","streamSid":"MZ0011","mark":{"name":"turn-7-end"}}]],
    is = "mark", name = "turn-7-end",
  },
  {
    read = [[{"event":"stop","sequenceNumber":"990","streamSid":"MZ0011","stop":{"accountSid":"AC0011","callSid":"CA0011"}}]],
    is = "stop",
  },
  { write = "mark", name = "turn-7-end", text = [[{"event":"mark","streamSid":"MZ0011","mark":{"name":"turn-7-end"}}]] },
  { write = "clear", text = [[{"event":"clear","streamSid":"MZ0011"}]] },
  { write = "audio", samples = 160, bytes = 160 },
}
