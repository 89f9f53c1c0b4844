-- callisto.cli.help: --help, wherever it stands on a command line.

local help = {}

---Prints the help when the words ask for it.
---@param text string
---@param ... string  the command's words
---@return boolean is_printed
function help.print(text, ...)
  for _, word in ipairs { ... } do
    if word == "--help" then
      print(text)
      return true
    end
  end
  return false
end

return help
