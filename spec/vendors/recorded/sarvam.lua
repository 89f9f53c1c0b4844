-- Sarvam, streaming, as its pages and recordings show it: the end of speech first, the text after it.

local function said(text, language)
  return ('{"type":"data","data":{"request_id":"20260105_1","transcript":"%s","language_code":"%s","speech_start":null,'
    .. '"metrics":{"audio_duration":1.3,"processing_latency":0.21}}}'):format(text, language)
end

return {
  stt = "sarvam", language = "hi-IN",
  env = { SARVAM_API_KEY = "key-sarvam-1" }, host = "https://api.sarvam.ai",
  path = "/speech-to-text/ws",
  query = "language-code=hi-IN&model=saaras%3Av3&mode=transcribe&sample_rate=16000&input_audio_codec=pcm_s16le&vad_signals=true"
    .. "&flush_signal=true",
  headers = { ["api-subscription-key"] = "key-sarvam-1" },
  sound = '^{"audio":{"data":"[%w+/]+=*","encoding":"audio/wav","sample_rate":16000}}$',
  turns = {
    {
      '{"type":"events","data":{"event_type":"vad","signal_type":"START_SPEECH","occured_at":1767600000.1}}',
      '{"type":"event","data":{"signal_type":"END_SPEECH"}}', said("मेरा बिल", "hi-IN"),
    },
    { said("", "hi-IN"), '{"type":"events","data":{"signal_type":"START_SPEECH"}}', said("haan", "en-IN") },
  },
  told = { "started ", "final मेरा बिल", "started ", "final haan" },
  said_back = '{"type":"flush"}',
  errors = {
    { '{"type":"error","data":{"message":"too fast","code":"rate_limit_exceeded_error"}}', "again" },
    { '{"type":"error","error":{"message":"bad key key-sarvam-1","code":"invalid_api_key_error"}}', "refused" },
    { '{"type":"errors","data":{"message":"model","code":422}}', "refused" },
  },
}
