-- ElevenLabs, Scribe in real time, as public clients show it.

return {
  stt = "elevenlabs", language = "en",
  env = { ELEVENLABS_API_KEY = "key-eleven-1" }, host = "https://api.elevenlabs.io",
  path = "/v1/speech-to-text/realtime",
  query = "model_id=scribe_v2_realtime&audio_format=ulaw_8000&commit_strategy=vad&language_code=en",
  headers = { ["xi-api-key"] = "key-eleven-1" },
  greeting = { '{"message_type":"session_started","session_id":"s1"}' },
  sound = '^{"message_type":"input_audio_chunk","audio_base_64":"[%w+/]+=*","commit":false,"sample_rate":8000}$',
  turns = {
    {
      '{"message_type":"partial_transcript","text":"I want"}', '{"message_type":"committed_transcript","text":"I want to pay."}',
      '{"message_type":"committed_transcript_with_timestamps","text":"I want to pay.","words":[]}',
    },
    { '{"message_type":"committed_transcript","text":""}', '{"message_type":"committed_transcript","text":"Yes."}' },
  },
  told = { "partial I want", "final I want to pay.", "final Yes." },
  errors = {
    { '{"message_type":"auth_error","error":"Invalid key-eleven-1"}', "refused" },
    { '{"message_type":"session_time_limit_exceeded","error":"over"}', "again" },
    { '{"message_type":"queue_overflow","error":"busy"}', "again" },
    { '{"message_type":"commit_throttled","error":"no"}', "nothing" },
  },
}
