-- Deepgram, live v1 (nova-3), as its pages and SDKs show it.

local function results(fields)
  return ('{"type":"Results","channel_index":[0,1],"duration":1.04,"start":0.2,"is_final":%s,"speech_final":%s,'
    .. '"channel":{"alternatives":[{"transcript":"%s","confidence":%s,"languages":["en"],"words":[%s]}]},'
    .. '"metadata":{"request_id":"7c1f"}}'):format(tostring(fields.is_final or false), tostring(fields.speech_final or false),
    fields.text, fields.confidence or "0.9", fields.words or "")
end

return {
  stt = "deepgram", stt_options = { keyterms = { "Acme", "Zoë" }, endpointing = 250 }, language = "en-GB",
  env = { DEEPGRAM_API_KEY = "key-deepgram-1" }, host = "https://api.deepgram.com",
  path = "/v1/listen",
  query = "model=nova-3&language=en-GB&encoding=mulaw&sample_rate=8000&channels=1&interim_results=true&vad_events=true"
    .. "&endpointing=250&utterance_end_ms=1000&smart_format=true&keyterm=Acme&keyterm=Zo%C3%AB",
  headers = { authorization = "Token key-deepgram-1" },
  closing = '{"type":"CloseStream"}',
  turns = {
    {
      '{"type":"SpeechStarted","channel":[0],"timestamp":0.2}', '{"type":"SpeechStarted","channel":[0],"timestamp":0.3}',
      results { text = "I want", words = '{"word":"i","start":0.28,"end":0.36},{"word":"want","start":0.4,"end":0.6}' },
      results { text = "I want to pay", is_final = true, confidence = "0.98",
        words = '{"word":"i","start":0.28,"end":0.36,"punctuated_word":"I"},{"word":"pay","start":0.7,"end":0.9}' },
      results { text = "my bill.", is_final = true, speech_final = true, confidence = "0.95",
        words = '{"word":"my","start":1.0,"end":1.1},{"word":"bill","start":1.1,"end":1.3}' },
      '{"type":"UtteranceEnd","channel":[0,1],"last_word_end":1.3}',
    },
    {
      -- Noise: no speech_final comes, and a message whose flags are absent.
      '{"type":"Results","channel":{"alternatives":[{"transcript":"Yes","words":[{"start":1.9,"end":2.0}]}]}}',
      results { text = "Yes.", is_final = true, words = '{"word":"yes","start":1.9,"end":2.0}' },
      results { text = "", is_final = true },
      '{"type":"UtteranceEnd","channel":[0,1],"last_word_end":2.0}',
      results { text = "", is_final = true, speech_final = true },
      '{"type":"Metadata","request_id":"7c1f","duration":12.4}',
    },
  },
  told = {
    "started ", "partial I want", "piece I want to pay", "final I want to pay my bill.", "partial Yes", "piece Yes.",
    "final Yes.",
  },
  closes = {
    { 1011, "Deepgram did not receive audio data. See https://dpgr.am/net0001", "again" },
    { 1008, "DATA-0000: the payload cannot be decoded as audio", "refused" },
    { 1011, "NET-0000", "again" },
  },
}
