-- Settings of the bistro.

return { settings = { zone = "Europe/Berlin" } }
