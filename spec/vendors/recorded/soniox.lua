-- Soniox, real time, as its pages and SDK show it.

return {
  stt = "soniox", stt_options = { terms = { "Acme" }, endpoint_delay = 800 }, language = { "en-US", "hi-IN" },
  env = { SONIOX_API_KEY = "key-soniox-1" }, host = "https://stt-rt.soniox.com",
  path = "/transcribe-websocket",
  opening = {
    api_key = "key-soniox-1", model = "stt-rt-v5", audio_format = "mulaw", sample_rate = 8000, num_channels = 1,
    language_hints = { "en", "hi" }, enable_language_identification = true, enable_endpoint_detection = true,
    max_endpoint_delay_ms = 800, context = { terms = { "Acme" } },
  },
  turns = {
    {
      '{"tokens":[],"final_audio_proc_ms":0,"total_audio_proc_ms":120}',
      '{"tokens":[{"text":"Hel","start_ms":200,"end_ms":320,"confidence":0.97,"is_final":false,"language":"en"}]}',
      '{"tokens":[{"text":"Hel","start_ms":200,"end_ms":320,"confidence":0.97,"is_final":true,"language":"en"},'
        .. '{"text":"lo","start_ms":320,"end_ms":460,"confidence":0.9,"is_final":false}],"final_audio_proc_ms":320}',
      '{"tokens":[{"text":"lo","start_ms":320,"end_ms":460,"confidence":0.95,"is_final":true},{"text":" there.","is_final":true},'
        .. '{"text":"<end>","is_final":true},{"text":" Ye","start_ms":1300,"is_final":false}]}',
    },
    {
      '{"tokens":[{"text":" Yes","start_ms":1300,"end_ms":1420,"is_final":true},{"text":"<fin>","is_final":true},'
        .. '{"text":"<end>","is_final":true}]}',
    },
  },
  told = {
    "partial Hel", "piece Hel", "partial Hello", "piece Hello there.", "final Hello there.", "partial Ye", "piece Yes",
    "final Yes",
  },
  errors = {
    { '{"tokens":[],"error_code":503,"error_message":"Cannot continue request (code 5). Please restart the request."}', "again" },
    { '{"tokens":[],"error_code":401,"error_message":"Invalid key key-soniox-1"}', "refused" },
    { '{"error_code":429}', "again" },
  },
}
