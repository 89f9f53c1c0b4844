-- Settings of this workspace. The environment and the command line come before them; secrets belong into the
-- environment: TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN, TWILIO_PHONE_NUMBER, PUBLIC_BASE_URL.

return {
  -- What flows see as call.settings.
  settings = {
    support_number = "+14155550190",
  },
  -- Keys of the API, as text or as "sha256:<hex digest>". Without any, only requests from this machine are served.
  api_keys = {},
}
