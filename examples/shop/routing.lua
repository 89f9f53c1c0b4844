-- Who answers which number.

return {
  numbers = {
    ["+14155550110"] = "where-is-my-parcel",
  },
}
