-- Who answers which number.

return {
  numbers = {
    ["+14155550120"] = "front",
    ["+14155550121"] = "queue",
  },
  default = "front",
}
