-- What voices over requests are asked and what they answer, as their public interface documents have it. TEXT stands for the
-- sentence.

return {
  openai = {
    host = "https://api.openai.com", env = { OPENAI_API_KEY = "oa-secret-1" },
    tts = '{ "openai", voice = "marin", speed = 1.1, instructions = "Calm." }',
    path = "/v1/audio/speech", header = { "authorization", "Bearer oa-secret-1" },
    body = '{"model":"gpt-4o-mini-tts","input":"TEXT","voice":"marin","response_format":"pcm","speed":1.1,'
      .. '"instructions":"Calm."}',
    answer = { rate = 24000, type = "audio/pcm" },
    error = { status = 401, body = '{"error":{"message":"Incorrect API key provided: oa-secret-1","code":"invalid_api_key"}}' },
  },
  azure = {
    host = "https://westeurope.tts.speech.microsoft.com",
    env = { AZURE_SPEECH_KEY = "az-secret-1", AZURE_SPEECH_REGION = "westeurope" },
    tts = '{ "azure", voice = "en-US-JennyNeural", rate = "+10%" }',
    path = "/cognitiveservices/v1", header = { "ocp-apim-subscription-key", "az-secret-1" },
    body = "<speak version='1.0' xmlns='http://www.w3.org/2001/10/synthesis' xml:lang='en-US'><voice name='en-US-JennyNeural'>"
      .. "<prosody rate='+10%'>TEXT</prosody></voice></speak>",
    answer = { rate = 8000, encoding = "pcmu", type = "audio/basic" },
    error = { status = 429, body = "" },
  },
  google = {
    host = "https://texttospeech.googleapis.com", env = { GOOGLE_TTS_KEY = "go-secret-1" },
    tts = '{ "google", voice = "en-US-Chirp3-HD-Kore", speed = 1.1 }',
    path = "/v1/text:synthesize", header = { "x-goog-api-key", "go-secret-1" },
    body = '{"input":{"text":"TEXT"},"voice":{"languageCode":"en-US","name":"en-US-Chirp3-HD-Kore"},'
      .. '"audioConfig":{"audioEncoding":"MULAW","sampleRateHertz":8000,"speakingRate":1.1}}',
    answer = { rate = 8000, encoding = "pcmu", wav = 7, json = '{"audioContent":"SOUND"}', type = "application/json" },
    error = { status = 403, body = '{"error":{"code":403,"message":"go-secret-1 is disabled","status":"PERMISSION_DENIED"}}' },
  },
  groq = {
    host = "https://api.groq.com", env = { GROQ_API_KEY = "gq-secret-1" },
    tts = '{ "groq", voice = "autumn" }',
    path = "/openai/v1/audio/speech", header = { "authorization", "Bearer gq-secret-1" },
    body = '{"model":"canopylabs/orpheus-v1-english","input":"TEXT","voice":"autumn","response_format":"wav","sample_rate":8000}',
    answer = { rate = 24000, wav = 1, type = "audio/wav" },
    error = { status = 503, body = "over capacity" },
  },
  kokoro = {
    host = "http://127.0.0.1:8880", env = {},
    tts = '{ "kokoro", voice = "af_heart" }',
    path = "/v1/audio/speech", header = { "content-type", "application/json" },
    body = '{"model":"kokoro","input":"TEXT","voice":"af_heart","response_format":"pcm","stream":true}',
    answer = { rate = 24000, type = "audio/pcm" },
    error = { status = 500, body = '{"detail":{"error":"processing_error","message":"out of memory"}}' },
  },
  piper = {
    host = "http://127.0.0.1:5000", env = {},
    tts = '{ "piper", voice = "en_US-lessac-medium", length_scale = 0.9 }',
    path = "/synthesize", header = { "content-type", "application/json" },
    body = '{"text":"TEXT","voice":"en_US-lessac-medium","length_scale":0.9}',
    answer = { rate = 16000, wav = 1, type = "text/html; charset=utf-8" },
    error = { status = 500, body = "<!doctype html><title>500</title>" },
  },
}
