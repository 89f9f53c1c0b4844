-- callisto.cli.help: --help, wherever it stands on a command line, and what to say about a word that is not known.

local nearest = require("callisto.options").nearest

local help = {}

---Prints the help when the words ask for it.
---@param text string
---@param ... string  the command's words
---@return boolean is_printed
function help.print(text, ...)
  for _, word in ipairs { ... } do
    if word == "--" then return false end
    if word == "--help" or word == "-h" then
      print(text)
      return true
    end
  end
  return false
end

---The word that was probably meant. Called by core/cli.
---@param word string
---@param ... string  those that are known
---@return integer exit_code, string|nil nearest
function help.nearest(word, ...)
  local known = {}
  for _, each in ipairs { ... } do known[each] = true end
  return 0, nearest(word, known)
end

return help
