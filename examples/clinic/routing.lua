-- Who answers which number.

return { default = "reception" }
