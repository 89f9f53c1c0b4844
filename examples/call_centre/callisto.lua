-- Settings of the call centre.

return {
  settings = {
    music = "audio/hold.wav",
  },
}
