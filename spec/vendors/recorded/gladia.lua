-- Gladia, live v2, as its SDK and AsyncAPI document show it.

local function said(id, text, is_final)
  return ('{"type":"transcript","session_id":"4546","created_at":"2026-01-05T10:00:01Z","data":{"id":"%s","is_final":%s,'
    .. '"utterance":{"text":"%s","language":"en","start":1.2,"end":1.6,"confidence":0.91,"channel":0,"words":[]}}}'):format(id,
    tostring(is_final), text)
end

return {
  stt = "gladia", stt_options = { vocabulary = { "Acme" } }, language = { "en", "fr" },
  env = { GLADIA_API_KEY = "key-gladia-1" }, host = "https://api.gladia.io",
  asked = {
    path = "/v2/live", key = "x-gladia-key",
    body = {
      encoding = "wav/ulaw", bit_depth = 8, sample_rate = 8000, channels = 1, model = "solaria-1", endpointing = 0.3,
      maximum_duration_without_endpointing = 15, language_config = { languages = { "en", "fr" }, code_switching = true },
      realtime_processing = { custom_vocabulary = true, custom_vocabulary_config = { vocabulary = { "Acme" } } },
      messages_config = {
        receive_partial_transcripts = true, receive_final_transcripts = true, receive_speech_events = true,
        receive_errors = true, receive_acknowledgments = false, receive_lifecycle_events = false,
      },
    },
    answer = '{"id":"4546","created_at":"2026-01-05T10:00:00Z","url":"wss://api.gladia.io/v2/live?token=4a39-token"}',
  },
  path = "/v2/live", query = "token=4a39-token",
  closing = '{"type":"stop_recording"}',
  turns = {
    {
      '{"type":"speech_start","session_id":"4546","data":{"time":1.2,"channel":0}}', said("00_01", "hello", false),
      '{"type":"speech_end","data":{"time":2.4,"channel":0}}', said("00_01", "hello there", true),
      said("00_01", "hello there", true),
    },
    { said("00_02", "yes", true) },
  },
  told = { "started ", "partial hello", "final hello there", "final yes" },
  closes = { { 4403, "session is over", "refused" }, { 1011, "", "again" } },
}
