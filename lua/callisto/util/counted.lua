-- callisto.util.counted: a number with its noun, as it is said: "1 template", "2 templates".

---@param count integer
---@param noun string  with an ordinary plural
---@return string
return function(count, noun) return ("%d %s%s"):format(count, noun, count == 1 and "" or "s") end
