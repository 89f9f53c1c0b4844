-- AssemblyAI, Universal-Streaming v3, as its pages and SDKs show it. The order of keys is free there.

local function turn(order, text, is_end, words)
  return ('{"turn_order":%d,"turn_is_formatted":false,"end_of_turn":%s,"transcript":"%s","end_of_turn_confidence":0.02,'
    .. '"utterance":"","words":[%s],"type":"Turn"}'):format(order, tostring(is_end), text, words or "")
end

return {
  stt = "assemblyai", stt_options = { keyterms = { "Acme" }, max_silence = 1200 }, language = "en",
  env = { ASSEMBLYAI_API_KEY = "key-assembly-1" }, host = "https://streaming.assemblyai.com",
  path = "/v3/ws",
  query = "sample_rate=8000&encoding=pcm_mulaw&speech_model=universal-streaming-english&keyterms_prompt=%5B%22Acme%22%5D"
    .. "&max_turn_silence=1200",
  headers = { authorization = "key-assembly-1" },
  greeting = { '{"type":"Begin","id":"5f0c","expires_at":1789000000,"configuration":null}' },
  closing = '{"type":"Terminate"}',
  turns = {
    {
      '{"type":"SpeechStarted","timestamp":0}', turn(0, "", false),
      turn(0, "i want to", false, '{"start":240,"end":400,"confidence":0.99,"text":"i","word_is_final":true}'),
      turn(0, "i want to pay", true, '{"start":240,"end":400,"text":"i"},{"start":500,"end":900,"text":"pay"}'),
      turn(0, "I want to pay.", true), '{"type":"Heartbeat","total_audio_received_ms":9000}',
    },
    { '{"type":"Warning","warning_code":1,"warning":"slow"}', turn(1, "yes", true), turn(2, "", true) },
  },
  told = { "started ", "partial i want to", "final i want to pay", "final yes" },
  errors = {
    { '{"type":"Error","error_code":3005,"error":"Server error"}', "again", 3005 },
    { '{"type":"Error","error":"Unauthorized Connection: invalid key key-assembly-1"}', "refused", 1008 },
    { '{"type":"Error","error_code":1008,"error":"Unauthorized Connection: Too many concurrent sessions"}', "again" },
    { '{"type":"Error","error_code":3008,"error":"Session expired"}', "again" },
  },
}
