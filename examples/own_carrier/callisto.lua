-- Settings of the workspace with a carrier of its own.

return {
  telephony_provider = "larkline",
  public_base_url = "http://127.0.0.1:8080",
}
