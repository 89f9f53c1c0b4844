-- Messages of Telnyx's media socket, as its pages show them: what the adapter's declaration makes of each.
-- The fields are those of spec/carriers/wires_spec.lua.

return {
  { format = "pcmu/8000", read = [[{"event":"connected","version":"1.0.0"}]], is = "other" },
  {
    read = [[{"event":"start","sequence_number":"1","stream_id":"32DE0DEA-0001","start":{"user_id":"3E6F995F-0001",]]
      .. [["call_control_id":"v3:abc","call_session_id":"ff55a038-0001","from":"+919800000001","to":"+918000000002",]]
      .. [["tags":["T1"],"client_state":"NDI=","media_format":{"encoding":"PCMU","sample_rate":8000,"channels":1},]]
      .. [["custom_parameters":{"lead_id":"42"}}}]],
    is = "start", stream = "32DE0DEA-0001", call = "v3:abc",
  },
  {
    read = [[{"event":"media","sequence_number":"4","stream_id":"32DE0DEA-0001",]]
      .. [["media":{"track":"inbound","chunk":"2","timestamp":"5","payload":"//////8="}}]],
    is = "audio", samples = 5,
  },
  {
    read = [[{"event":"media","sequence_number":"5","stream_id":"32DE0DEA-0001",]]
      .. [["media":{"track":"outbound","chunk":"2","timestamp":"5","payload":"//////8="}}]],
    is = "ignored",
  },
  {
    read = [[{"event":"dtmf","sequence_number":"5","stream_id":"32DE0DEA-0001","occurred_at":"2026-03-01T10:15:09.698408Z",]]
      .. [["dtmf":{"digit":"1"}}]],
    is = "dtmf", name = "1",
  },
  {
    read = [[{"event":"mark","sequence_number":"9","stream_id":"32DE0DEA-0001","mark":{"name":"turn-7-end"}}]],
    is = "mark", name = "turn-7-end",
  },
  {
    read = [[{"event":"error","stream_id":"32DE0DEA-0001","payload":{"code":100003,"title":"malformed_frame","detail":"x"}}]],
    is = "error", name = "100003",
  },
  { read = [[{"event":"media","media":{"track":"inbound","payload":"***"}}]], is = "malformed" },
  { read = [[{"event":"media","media":]], is = "malformed" },
  {
    read = [[{"event":"stop","sequence_number":"990","stream_id":"32DE0DEA-0001",]]
      .. [["stop":{"user_id":"3E6F995F-0001","call_control_id":"v3:abc"}}]],
    is = "stop",
  },
  { write = "mark", name = "turn-7-end", text = [[{"event":"mark","mark":{"name":"turn-7-end"}}]] },
  { write = "clear", text = [[{"event":"clear"}]] },
  { write = "audio", samples = 3, bytes = 160 }, -- a message holds 20 ms at least: the rest is silence

  -- Pitfall 21: a start whose format is not the document's is refused, by its words.
  {
    format = "pcmu/8000",
    read = [[{"event":"start","stream_id":"s1","start":{"call_control_id":"v3:abc",]]
      .. [["media_format":{"encoding":"PCMA","sample_rate":8000,"channels":1}}}]],
    is = "wrong format",
  },
  {
    format = "pcma/8000",
    read = [[{"event":"start","stream_id":"s1","start":{"call_control_id":"v3:abc",]]
      .. [["media_format":{"encoding":"PCMA","sample_rate":8000,"channels":1}}}]],
    is = "start", stream = "s1", call = "v3:abc",
  },
  {
    format = "l16/16000",
    read = [[{"event":"start","stream_id":"s2","start":{"call_control_id":"v3:abc",]]
      .. [["media_format":{"encoding":"L16","sample_rate":16000,"channels":1}}}]],
    is = "start", stream = "s2", call = "v3:abc",
  },
  {
    read = [[{"event":"media","media":{"track":"inbound","chunk":"1","payload":"AQIDBA=="}}]],
    is = "audio", samples = 2, sound = "\2\1\4\3",
  },
  { write = "audio", samples = 320, bytes = 640 },
  {
    format = "l16le/16000",
    read = [[{"event":"media","media":{"track":"inbound","chunk":"1","payload":"AQIDBA=="}}]],
    is = "audio", samples = 2, sound = "\1\2\3\4",
  },
}
