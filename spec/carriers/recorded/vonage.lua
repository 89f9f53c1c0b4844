-- Text messages of Vonage's media socket, as its pages show them (spec/carriers/wires_spec.lua says how to read
-- this). Its sound is binary: tests/call/test_wire_vonage.c.

return {
  {
    format = "l16/16000",
    read = [[{"event":"websocket:connected","content-type":"audio/l16;rate=16000",]]
      .. [["call_uuid":"0f1e2d3c-4b5a-4697-8877-665544332211","agent":"sales"}]],
    is = "start",
  },
  { read = [[{"event":"websocket:dtmf","digit":"5","duration":260}]], is = "dtmf", name = "5" },
  { read = [[{"event":"websocket:dtmf","dtmf":{"digit":"5"}}]], is = "dtmf", name = "5" },
  { read = [[{"event":"websocket:notify","payload":{"turn":7,"name":"end"}}]], is = "mark", name = "end" },
  { read = [[{"event":"websocket:cleared"}]], is = "clear" },
  { read = [[{"event":"websocket:of-another-year"}]], is = "other" },
  { read = [[{"event":"websocket:notify","payload":{"turn":7}}]], is = "malformed" },
  { read = [[{"event":"websocket:dtmf"]], is = "malformed" },
  { write = "mark", name = "c7", text = [[{"action":"notify","payload":{"name":"c7"}}]] },
  { write = "clear", text = [[{"action":"clear"}]] },
  {
    format = "l16/24000",
    read = [[{"event":"websocket:connected","content-type":"audio/l16;rate=24000"}]], is = "start",
  },

  -- Pitfall 21: another rate than the document asked for.
  {
    format = "l16/8000",
    read = [[{"event":"websocket:connected","content-type":"audio/l16;rate=16000"}]], is = "wrong format",
  },
}
