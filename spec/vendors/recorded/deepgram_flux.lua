-- Deepgram, Flux (v2), as its pages and SDKs show it.

local function turn(index, event, text, words)
  return ('{"type":"TurnInfo","request_id":"a1b2","sequence_id":7,"event":"%s","turn_index":%d,"audio_window_start":0.0,'
    .. '"audio_window_end":1.92,"transcript":"%s","words":[%s],"end_of_turn_confidence":0.12}'):format(event, index, text,
    words or "")
end

return {
  stt = "deepgram_flux", stt_options = { eager = 0.4, keyterms = { "Acme" } }, language = "en",
  env = { DEEPGRAM_API_KEY = "key-deepgram-2" }, host = "https://api.deepgram.com",
  path = "/v2/listen",
  query = "model=flux-general-en&encoding=mulaw&sample_rate=8000&eager_eot_threshold=0.4&keyterm=Acme",
  headers = { authorization = "Token key-deepgram-2" },
  greeting = { '{"type":"Connected","request_id":"a1b2","sequence_id":0}' },
  closing = '{"type":"CloseStream"}',
  turns = {
    {
      turn(0, "Update", ""), turn(0, "StartOfTurn", "I'd", '{"word":"I\'d","confidence":0.97,"start":0.3,"end":0.4}'),
      turn(0, "Update", "I'd like to"), turn(0, "EagerEndOfTurn", "I'd like to"), turn(0, "Update", "I'd like to"),
      turn(0, "TurnResumed", "I'd like to"), turn(0, "EagerEndOfTurn", "I'd like to pay"),
      turn(0, "EndOfTurn", "I'd like to pay", '{"word":"I\'d"},{"word":"pay","start":1.0,"end":1.1}'),
      turn(0, "EndOfTurn", "I'd like to pay"), turn(1, "Update", ""),
    },
    {
      turn(1, "StartOfTurn", "No"), '{"type":"ConfigureSuccess","request_id":"a1b2","sequence_id":9}', turn(1, "EndOfTurn", "No"),
    },
  },
  told = {
    "started ", "partial I'd", "partial I'd like to", "likely I'd like to", "partial I'd like to", "resumed I'd like to",
    "likely I'd like to pay", "final I'd like to pay", "started ", "partial No", "final No",
  },
  closes = { { 1011, "net0001", "again" }, { 1002, "", "refused" } },
}
