-- callisto.util.heap: entries by their time, the earliest first; entries of the same time in the order they were given.
--
-- An entry is a table with `at` and `order`; the heap keeps its own place in `place`, so that any entry can be taken out.

local Heap = {}
Heap.__index = Heap

local floor = math.floor

local function sooner(a, b) return a.at < b.at or (a.at == b.at and a.order < b.order) end

local function put(self, place, entry)
  self[place] = entry
  entry.place = place
end

local function sift_up(self, place, entry)
  while place > 1 do
    local above = floor(place / 2)
    if not sooner(entry, self[above]) then break end
    put(self, place, self[above])
    place = above
  end
  put(self, place, entry)
end

local function sift_down(self, place, entry)
  while true do
    local below = place * 2
    if below > self.size then break end
    if below < self.size and sooner(self[below + 1], self[below]) then below = below + 1 end
    if not sooner(self[below], entry) then break end
    put(self, place, self[below])
    place = below
  end
  put(self, place, entry)
end

---@param entry table  with `at` and `order`
function Heap:add(entry)
  self.size = self.size + 1
  sift_up(self, self.size, entry)
end

---Takes an entry out; it must be in.
function Heap:remove(entry)
  local place, moved = entry.place, self[self.size]
  entry.place = nil
  self[self.size] = nil
  self.size = self.size - 1
  if moved == entry then return end
  if place > 1 and sooner(moved, self[floor(place / 2)]) then
    sift_up(self, place, moved)
  else
    sift_down(self, place, moved)
  end
end

local heap = {}

---@return table heap
function heap.new() return setmetatable({ size = 0 }, Heap) end

return heap
