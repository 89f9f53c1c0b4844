-- Settings of the clinic.

return {
  settings = {
    zone = "Asia/Kolkata",
    opening = { zone = "Asia/Kolkata", ["mon-fri"] = "08:00-18:00", sat = "08:00-12:00" },
  },
}
