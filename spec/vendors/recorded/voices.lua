-- What voices of vendors are told and what they answer, as their public interface documents have it. SOUND stands for base64 of
-- the call's own format, BINARY for a binary message of it, MARK for the name of the utterance, TEXT for the sentence.

return {
  elevenlabs = {
    host = "https://api.elevenlabs.io",
    env = { ELEVENLABS_API_KEY = "el-secret-1" },
    voice = 'voice = "VoiceId0001", tts_options = { stability = 0.5, speed = 1.1 }',
    path = "/v1/text-to-speech/VoiceId0001/multi-stream-input",
    query = "model_id=eleven_flash_v2_5&output_format=ulaw_8000&auto_mode=true&sync_alignment=true&inactivity_timeout=180"
      .. "&language_code=en",
    header = { "xi-api-key", "el-secret-1" },
    opening = {},
    said = {
      '{"text":" ","context_id":"MARK","voice_settings":{"stability":0.5,"speed":1.1}}',
      '{"text":"TEXT ","context_id":"MARK","flush":true}',
      '{"context_id":"MARK","close_context":true}',
    },
    answers = {
      '{"audio":null,"alignment":null,"contextId":"MARK"}',
      '{"audio":"SOUND","contextId":"MARK","alignment":{"chars":CHARS,"charStartTimesMs":STARTS,"charDurationsMs":LASTS},'
        .. '"normalizedAlignment":null}',
      '{"type":"flush_done","context_id":"MARK","flush_done":true,"done":false,"data":"","status_code":206}',
      '{"isFinal":true,"contextId":"MARK"}',
    },
    cancelled = '{"context_id":"MARK","close_context":true}',
    error = '{"message":"quota exceeded for el-secret-1","error":"quota_exceeded","code":1008}',
    error_log = "quota exceeded for ***",
  },
  cartesia = {
    host = "https://api.cartesia.ai",
    env = { CARTESIA_API_KEY = "ca-secret-1" },
    voice = 'voice = "f786b574-0000", tts_options = { speed = 1.2 }',
    path = "/tts/websocket",
    query = "",
    header = { "authorization", "Bearer ca-secret-1" },
    opening = {},
    said = {
      '{"model_id":"sonic-3","transcript":"TEXT","voice":{"mode":"id","id":"f786b574-0000"},"output_format":{"container":"raw",'
        .. '"encoding":"pcm_mulaw","sample_rate":8000},"language":"en","context_id":"MARK","continue":false,'
        .. '"add_timestamps":true,"max_buffer_delay_ms":0,"generation_config":{"speed":1.2}}',
    },
    answers = {
      '{"type":"timestamps","context_id":"MARK","done":false,"status_code":206,"word_timestamps":{"words":WORDS,"start":BEGINS,'
        .. '"end":ENDS}}',
      '{"type":"chunk","context_id":"MARK","data":"SOUND","done":false,"status_code":206,"step_time":93.2,"flush_id":1}',
      '{"type":"chunk","context_id":"MARK","data":"","done":false,"status_code":206}',
      '{"type":"flush_done","context_id":"MARK","done":false,"flush_done":true,"flush_id":1,"status_code":206}',
      '{"type":"done","context_id":"MARK","done":true,"status_code":200}',
    },
    cancelled = '{"context_id":"MARK","cancel":true}',
    error = '{"type":"error","context_id":"MARK","done":true,"status_code":400,"error_code":"invalid","title":"t",'
      .. '"message":"bad voice, ca-secret-1"}',
    error_log = "bad voice, ***",
  },
  deepgram = {
    host = "https://api.deepgram.com",
    env = { DEEPGRAM_API_KEY = "dg-secret-1" },
    voice = 'voice = "aura-2-thalia-en"',
    path = "/v1/speak",
    query = "model=aura-2-thalia-en&encoding=mulaw&sample_rate=8000",
    header = { "authorization", "Token dg-secret-1" },
    opening = {},
    said = { '{"type":"Speak","text":"TEXT"}', '{"type":"Flush"}' },
    answers = {
      '{"type":"Metadata","request_id":"r","model_name":"aura-2-thalia-en","model_version":"v","model_uuid":"u"}',
      "BINARY",
      '{"type":"Warning","code":"w","description":"d"}',
      '{"type":"Flushed","sequence_id":0}',
    },
    cancelled = '{"type":"Clear"}',
    error = '{"type":"Error","err_code":"DATA-0000","err_msg":"dg-secret-1 is not known","request_id":"r"}',
    error_log = "*** is not known",
  },
  rime = {
    host = "https://users-ws.rime.ai",
    env = { RIME_API_KEY = "ri-secret-1" },
    voice = 'voice = "luna", tts_options = { model = "mistv3" }',
    path = "/ws3",
    query = "speaker=luna&modelId=mistv3&audioFormat=mulaw&samplingRate=8000&lang=eng&segment=never",
    header = { "authorization", "Bearer ri-secret-1" },
    opening = {},
    said = { '{"text":"TEXT ","contextId":"MARK"}', '{"operation":"flush"}' },
    answers = {
      '{"type":"timestamps","word_timestamps":{"words":WORDS,"start":BEGINS,"end":ENDS},"contextId":"MARK"}',
      '{"type":"chunk","data":"SOUND","contextId":"MARK"}',
      '{"type":"done","contextId":"MARK"}',
    },
    cancelled = '{"operation":"clear"}',
    error = '{"type":"error","message":"no such speaker, ri-secret-1"}',
    error_log = "no such speaker, ***",
  },
  sarvam = {
    host = "https://api.sarvam.ai",
    env = { SARVAM_API_KEY = "sa-secret-1" },
    voice = 'voice = "anushka", tts_options = { pace = 1.2, preprocessing = true }',
    path = "/text-to-speech/ws",
    query = "model=bulbul%3Av2&send_completion_event=true",
    header = { "api-subscription-key", "sa-secret-1" },
    opening = {
      '{"type":"config","data":{"model":"bulbul:v2","target_language_code":"en-IN","speaker":"anushka",'
        .. '"speech_sample_rate":"8000","output_audio_codec":"mulaw","min_buffer_size":50,"max_chunk_length":150,"pace":1.2,'
        .. '"enable_preprocessing":true}}',
    },
    said = { '{"type":"text","data":{"text":"TEXT "}}', '{"type":"flush"}' },
    answers = {
      '{"type":"audio","data":{"request_id":"r","audio":"","content_type":"audio/mulaw"}}',
      '{"type":"audio","data":{"request_id":"r","audio":"SOUND","content_type":"audio/mulaw"}}',
      '{"type":"event","data":{"event_type":"progress"}}',
      '{"type":"event","data":{"event_type":"final"}}',
    },
    error = '{"type":"error","data":{"request_id":"r","message":"sa-secret-1 has no credit","code":402}}',
    error_log = "*** has no credit",
  },
}
