-- Settings of skeleton. The environment and the command line come before them; secrets belong into the environment.

return {
  -- What flows see as call.settings.
  settings = {
    -- support_number = "+14155550190",
  },
  -- What flows see as call.secrets, when their template declares it.
  secrets = {
    -- shop_key = env.SHOP_KEY,
  },
}
