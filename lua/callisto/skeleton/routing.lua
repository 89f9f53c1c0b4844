-- Who answers which number.

return {
  numbers = {
    ["+14155550100"] = "hello",
  },
}
