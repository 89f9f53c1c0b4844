-- callisto.flow.mistakes: what is said of an error of a flow besides its text. Loaded when there is one.

local nearest = require("callisto.options").nearest

local mistakes = {}

---An error's text, with the method of the call that was probably meant behind its first line.
---@param text string
---@param known table<string, true>  names of methods
---@return string
function mistakes.explain(text, known)
  text = text:gsub("is a method: write object:(%l+)", "is a method: write call:%1", 1)
  local name = text:match "^[^\n]-attempt to call %l+ '([%w_]+)' %(a nil value%)"
  local near = name and nearest(name, known)
  if not near then return text end
  return (text:gsub("^[^\n]*", function(line) return ("%s; did you mean call:%s?"):format(line, near) end, 1))
end

return mistakes
