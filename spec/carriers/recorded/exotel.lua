-- Messages of Exotel's media socket, as its pages show them (spec/carriers/wires_spec.lua says how to read this).

return {
  { format = "l16/8000", read = [[{"event":"connected"}]], is = "other" },
  {
    read = [[{"event":"start","sequence_number":"1","stream_sid":"st0001",]]
      .. [["start":{"stream_sid":"st0001","call_sid":"ca0001","account_sid":"acme1","from":"09800000001","to":"08000000002",]]
      .. [["custom_parameters":{"lead":"42"},]]
      .. [["media_format":{"encoding":"audio/x-raw","sample_rate":"8000","bit_rate":"16"}}}]],
    is = "start", stream = "st0001", call = "ca0001",
  },
  {
    read = [[{"event":"media","sequence_number":"3","stream_sid":"st0001",]]
      .. [["media":{"chunk":"2","timestamp":"200","payload":"AAAAAP//AQA="}}]],
    is = "audio", samples = 4,
  },
  {
    read = [[{"event":"dtmf","sequence_number":"7","stream_sid":"st0001","dtmf":{"digit":"5","duration":"100"}}]],
    is = "dtmf", name = "5",
  },
  {
    read = [[{"event":"mark","sequence_number":"15","stream_sid":"st0001","mark":{"name":"turn-3"}}]],
    is = "mark", name = "turn-3",
  },
  { read = [[{"event":"clear","stream_sid":"st0001"}]], is = "clear" },
  { read = [[{"event":"media","media":{"payload":"AAA"}}]], is = "malformed" },
  { read = [[{"event":"dtmf","dtmf":{}}]], is = "malformed" },
  {
    read = [[{"event":"stop","sequence_number":"20","stream_sid":"st0001",]]
      .. [["stop":{"call_sid":"ca0001","account_sid":"acme1","reason":"callended"}}]],
    is = "stop",
  },
  {
    write = "mark", name = "turn-3",
    text = [[{"event":"mark","stream_sid":"st0001","streamSid":"st0001","mark":{"name":"turn-3"}}]],
  },
  { write = "clear", text = [[{"event":"clear","stream_sid":"st0001","streamSid":"st0001"}]] },
  { write = "audio", samples = 1600, bytes = 3200 },
  { write = "audio", samples = 5, bytes = 3200 }, -- the last portion of an utterance is filled up

  -- The carrier's newest samples spell the ids otherwise.
  {
    format = "l16/16000",
    read = [[{"event":"start","streamSid":"st0002","start":{"streamSid":"st0002","callSid":"ca0002","custom_parameters":"",]]
      .. [["media_format":{"encoding":"raw","sample_rate":16000}}}]],
    is = "start", stream = "st0002", call = "ca0002",
  },

  -- Pitfall 21: another rate than the URL asked for.
  {
    format = "l16/24000",
    read = [[{"event":"start","start":{"stream_sid":"st0003","call_sid":"ca0003","media_format":{"sample_rate":"8000"}}}]],
    is = "wrong format",
  },
}
