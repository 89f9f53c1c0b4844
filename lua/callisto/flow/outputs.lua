-- callisto.flow.outputs: what the carrier hears of a call at its end. A method of the call object, loaded at its first call.

local OUTPUT_BYTES = 3000

---@class callisto.Call
local Call = {}

---Says what the carrier is to hear of this call at its end, where the carrier has room for that (Genesys: the output
---variables of its flow). Later values replace earlier ones.
---@param values table<string, string|number|boolean>  in all at most 3,000 bytes
function Call:output(values)
  if type(values) ~= "table" then error("call:output needs a table such as { queue = \"billing\" }", 2) end
  local outputs, bytes = {}, 0
  for _, set in ipairs { self.outputs or {}, values } do
    for name, value in pairs(set) do
      local kind = type(value)
      if type(name) ~= "string" or (kind ~= "string" and kind ~= "number" and kind ~= "boolean") then
        error(("call:output: '%s' must be a text, a number or a boolean"):format(tostring(name)), 2)
      end
      outputs[name] = tostring(value)
    end
  end
  for name, value in pairs(outputs) do bytes = bytes + #name + #value end
  if bytes > OUTPUT_BYTES then error(("call:output: more than %d bytes"):format(OUTPUT_BYTES), 2) end
  self.outputs = outputs
end

return { methods = Call }
