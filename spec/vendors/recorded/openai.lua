-- OpenAI, realtime transcription (GA), as its SDKs show it.

local ITEM = '{"type":"conversation.item.input_audio_transcription.'

return {
  stt = "openai", stt_options = { prompt = "Acme bank call", noise_reduction = "near_field" }, language = "en-US",
  env = { OPENAI_API_KEY = "key-openai-1" }, host = "https://api.openai.com",
  path = "/v1/realtime", query = "intent=transcription",
  headers = { authorization = "Bearer key-openai-1" },
  opening = {
    type = "session.update",
    session = {
      type = "transcription",
      audio = { input = {
        format = { type = "audio/pcmu" },
        transcription = { model = "gpt-4o-transcribe", prompt = "Acme bank call", language = "en" },
        noise_reduction = { type = "near_field" },
        turn_detection = { type = "server_vad", threshold = 0.5, prefix_padding_ms = 300, silence_duration_ms = 400 },
      } },
    },
  },
  greeting = { '{"type":"session.created","event_id":"e0"}', '{"type":"session.updated","event_id":"e1"}' },
  sound = '^{"type":"input_audio_buffer%.append","audio":"[%w+/]+=*"}$',
  turns = {
    {
      '{"type":"input_audio_buffer.speech_started","audio_start_ms":200,"item_id":"item_1"}',
      '{"type":"input_audio_buffer.speech_stopped","audio_end_ms":900,"item_id":"item_1"}',
      '{"type":"input_audio_buffer.committed","item_id":"item_1","previous_item_id":null}',
      ITEM .. 'delta","item_id":"item_1","content_index":0,"delta":"I want"}',
      ITEM .. 'delta","item_id":"item_1","content_index":0,"delta":" to pay"}',
      '{"type":"input_audio_buffer.speech_started","audio_start_ms":1200,"item_id":"item_2"}',
      ITEM .. 'delta","item_id":"item_2","content_index":0,"delta":"Y"}',
      ITEM .. 'completed","item_id":"item_1","content_index":0,"transcript":"I want to pay.","usage":{"type":"tokens"}}',
    },
    {
      ITEM .. 'completed","item_id":"item_2","content_index":0,"transcript":"Yes.","languages":[{"code":"en"}]}',
      ITEM .. 'completed","item_id":"item_2","content_index":0,"transcript":"Yes."}',
      ITEM .. 'failed","item_id":"item_3","error":{"code":"audio_unintelligible","message":"no"}}',
    },
  },
  told = { "started ", "partial I want", "partial I want to pay", "final I want to pay.", "final Yes." },
  errors = {
    { '{"type":"error","error":{"type":"invalid_request_error","code":"session_expired","message":"over"}}', "again" },
    { '{"type":"error","error":{"type":"invalid_request_error","code":"insufficient_quota","message":"key-openai-1"}}',
      "refused" },
    { '{"type":"error","error":{"type":"invalid_request_error","code":"input_audio_buffer_commit_empty","message":"x"}}',
      "nothing" },
  },
}
