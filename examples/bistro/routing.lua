-- Who answers which number.

return { default = "bistro" }
