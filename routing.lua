-- Who answers which number. A webhook that names an agent in its path needs no entry here.

return {
  numbers = {
    ["+14155550100"] = "appointment",
    ["+14155550101"] = "order-confirmation",
  },
  -- default = "appointment",
}
