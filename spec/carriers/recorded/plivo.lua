-- Messages of Plivo's media socket, as its pages show them: what the adapter's declaration makes of each.
-- The fields are those of spec/carriers/recorded/telnyx.lua.

return {
  {
    format = "pcmu/8000",
    read = [[{"event":"start","sequenceNumber":1,"start":{"callId":"c0a8-1111","streamId":"30852c23-0000",]]
      .. [["accountId":"10000001","tracks":["inbound"],"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000}},]]
      .. [["extra_headers":"leadid=42,token=abc123"}]],
    is = "start", stream = "30852c23-0000", call = "c0a8-1111",
  },
  {
    read = [[{"event":"media","sequenceNumber":2,"streamId":"30852c23-0000","media":{"track":"inbound",]]
      .. [["timestamp":"1719300000123","chunk":1,"payload":"//////8="},"extra_headers":"leadid=42,token=abc123"}]],
    is = "audio", samples = 5,
  },
  { -- numbers as texts
    read = [[{"event":"media","sequenceNumber":"3","streamId":"30852c23-0000","media":{"track":"inbound",]]
      .. [["timestamp":"1719300000143","chunk":"2","payload":"//////8="}}]],
    is = "audio", samples = 5,
  },
  {
    read = [[{"event":"media","streamId":"30852c23-0000","media":{"track":"outbound","payload":"//////8="}}]], is = "ignored",
  },
  {
    read = [[{"event":"dtmf","sequenceNumber":57,"streamId":"30852c23-0000",]]
      .. [["dtmf":{"track":"inbound","digit":"5","timestamp":"1719300004100"},"extra_headers":""}]],
    is = "dtmf", name = "5",
  },
  {
    read = [[{"event":"playedStream","sequenceNumber":80,"streamId":"30852c23-0000","name":"turn-7-end"}]],
    is = "mark", name = "turn-7-end",
  },
  { read = [[{"event":"clearedAudio","sequenceNumber":81,"streamId":"30852c23-0000"}]], is = "other" },
  { read = [[{"event":"stop","reason":"hangup"}]], is = "stop" }, -- only a library of Plivo's knows of it
  { read = [[{"event":"media","media":{"track":"inbound","payload":"%%%"}}]], is = "malformed" },
  { read = [[{"event":"surprise","nested":{"a":[1,null]}}]], is = "other" },
  {
    write = "audio", samples = 160, bytes = 160,
    like = [[^{"event":"playAudio","streamId":"30852c23%-0000",]]
      .. [["media":{"contentType":"audio/x%-mulaw","sampleRate":8000,"payload":"]],
  },
  { write = "mark", name = "turn-7-end", text = [[{"event":"checkpoint","streamId":"30852c23-0000","name":"turn-7-end"}]] },
  { write = "clear", text = [[{"event":"clearAudio","streamId":"30852c23-0000"}]] },
  { write = "dtmf", name = "1", text = [[{"event":"sendDTMF","dtmf":"1"}]] },

  {
    format = "l16/16000",
    read = [[{"event":"start","start":{"callId":"c","streamId":"s",]]
      .. [["mediaFormat":{"encoding":"audio/x-l16","sampleRate":16000}}}]],
    is = "start", stream = "s", call = "c",
  },
  { read = [[{"event":"media","media":{"track":"inbound","payload":"AQI="}}]], is = "audio", sound = "\1\2" },
  { write = "audio", samples = 320, bytes = 640 },
  { format = "l16be/8000", write = "clear", why = "ENOTCONN" },
  { -- a stream of another format than was asked for
    read = [[{"event":"start","start":{"callId":"c","streamId":"s",]]
      .. [["mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000}}}]],
    is = "wrong format",
  },
  { read = [[{"event":"media","media":{"track":"inbound","payload":"AQI="}}]], is = "audio", sound = "\2\1" },
}
