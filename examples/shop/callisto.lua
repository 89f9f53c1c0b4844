-- Settings of the shop. Secrets come from the environment.

return {
  -- What flows see as call.settings.
  settings = {
    shop_url = "https://shop.example.com",
  },
  -- What flows see as call.secrets, when their template declares it.
  secrets = {
    shop_key = env.SHOP_KEY,
  },
}
