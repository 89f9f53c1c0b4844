-- Who may require whom in lua/callisto: a room knows its own modules, what stands beside the rooms, and nothing else.

local ROOMS = {
  util = { "util" },
  flow = { "flow", "util" },
  converse = { "converse", "flow", "util" },
  service = { "service", "util" },
  exchange = { "exchange", "util" },
  importer = { "importer", "util" },
  judge = { "judge" },
  -- What authors require: templates are read in every VM, and the words they are made of lie with the flow.
  ["."] = { "flow", "importer", "util" },
}

local function files_of(room)
  local depth = room == "." and "-maxdepth 1 " or ""
  local pipe, list = io.popen("find lua/callisto/" .. room .. " " .. depth .. "-name '*.lua' | LC_ALL=C sort"), {}
  for path in pipe:lines() do list[#list + 1] = path end
  pipe:close()
  return list
end

local function room_of(module)
  local room = module:match "^callisto%.([%w_]+)"
  return ROOMS[room] and room or (room == "cli" or room == "spec") and room or nil
end

describe("the rooms of lua/callisto", function()
  for room, may_see in pairs(ROOMS) do
    local allowed = {}
    for _, name in ipairs(may_see) do allowed[name] = true end

    it((room == "." and "what authors require" or room) .. " requires only " .. table.concat(may_see, ", "), function()
      local files, wrong = files_of(room), {}
      assert.is_true(#files > 0)
      for _, path in ipairs(files) do
        local file = assert(io.open(path))
        local text = file:read "*a"
        for _, word in ipairs { "require", "later" } do -- callisto.util.later requires in the end
          for module in text:gmatch(word .. '%s*%(?%s*"(callisto%.[%w_.]+)"') do
            local other = room_of(module)
            if other and not allowed[other] then wrong[#wrong + 1] = path .. " requires " .. module end
            if room == "util" and not other then wrong[#wrong + 1] = path .. " requires " .. module end
          end
        end
        file:close()
      end
      assert.same({}, wrong)
    end)
  end
end)
