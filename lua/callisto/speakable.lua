-- callisto.speakable: a piece of written text as it can be spoken: without the marks of Markdown, without pictures and marks
-- that are not seen, with addresses as people say them. Prices, dates and numbers stay as they are: voices read them in their
-- language.

local language = require "callisto.language"
local utf8 = require "callisto.util.utf8"

local speakable = {}

-- Endings of a name that make it an address of the web although "https://" is not there. "Node.js" is not one.
local endings = {}
for ending in ([[com org net edu gov mil int info biz io ai app dev me tv co shop store online site xyz cloud tech
  in uk us de fr es br pt mx ar cl pe id my sg au nz ca eu it nl be ch at pl se no dk fi ie jp cn kr ae sa eg ng ke
  za]]):gmatch "%S+" do
  endings[ending] = true
end

local entities = { amp = "&", lt = "<", gt = ">", quot = '"', apos = "'", nbsp = " " }

-- What has no sound: what is dropped, and what is a blank instead.
local silent = {
  "\240\159[\128-\191][\128-\191]", "\243\160[\128-\191][\128-\191]", -- pictures, flags, tags
  "\226[\152-\158][\128-\191]", "\226[\172-\175][\128-\191]", "\226[\140-\143][\128-\191]", -- symbols, dingbats, clocks
  "\226\131\163", -- keycaps
  "\226\128[\139\142\143\170-\174]", "\226\129[\160-\175]", "\239\187\191", "\194\173", -- marks of layout and direction
  "\194[\128-\159]", "\239\191[\188\189]", "\238[\128-\191][\128-\191]", -- controls, replacements, private letters
}
local ARROWS = "\226[\134\135][\128-\191]"

local function without_silent(text)
  if text:find "[%z\1-\31\127]" then text = text:gsub("[%z\1-\8\14-\31\127]", ""):gsub("[\t\n\r\11\12]", " ") end
  if not text:find "[\194\226\238\239\240\243]" then return text end
  text = text:gsub("\194\160", " "):gsub("\226\128[\128-\138\175]", " ")
  -- A joiner binds letters of many scripts, and pictures: there it goes with them.
  text = text:gsub("\239\184[\128-\143]", ""):gsub("(\240\159[\128-\191][\128-\191])\226\128\141", "%1")
  for _, pattern in ipairs(silent) do text = text:gsub(pattern, "") end
  return (text:gsub(ARROWS, " "))
end

-- "www.example.com/help?x=1" → "example dot com slash help". What only a machine can read behind the name is left out.
local function said_address(address, says)
  local bare = address:gsub("^%a[%w+.-]*://", ""):gsub("^[^/@]*@", ""):gsub("^[wW][wW][wW]%.", "")
  local host, path = bare:match "^([^/?#:]+):?%d*(.*)$"
  if not host then return "" end
  local said = host:gsub("%.", " " .. says.dot .. " ")
  local plain = path:match "^([%w/_-]+)$"
  if not plain or #plain > 24 or plain:find "%d%d%d%d%d" then return said end
  for part in plain:gmatch "[^/]+" do said = said .. " " .. says.slash .. " " .. part:gsub("[_-]", " ") end
  return said
end

local function said_mail(name, host, says)
  local marks = { ["."] = says.dot, ["_"] = says.underscore, ["-"] = says.dash, ["+"] = "plus" }
  local said = name:gsub("[._+-]", function(mark) return " " .. marks[mark] .. " " end)
  return said .. " " .. says.at .. " " .. host:gsub("%.", " " .. says.dot .. " ")
end

-- Marks at the end of an address that belong to the sentence.
local function with_rest(address, say)
  local body, rest = address:match "^(.-)([%.,;:!%?'\"%)%]>*_]*)$"
  return say(body) .. rest
end

local function with_addresses(text, says)
  if text:find("://", 1, true) or text:find "[wW][wW][wW]%." then
    local function say(address) return with_rest(address, function(body) return said_address(body, says) end) end
    text = text:gsub("<(%a[%w+.-]*://[^%s<>]+)>", "%1"):gsub("%f[%w]%a[%w+.-]*://[^%s<>]+", say)
    text = text:gsub("%f[%w][wW][wW][wW]%.[^%s<>]+", say)
  end
  if text:find("@", 1, true) then
    local function say(name, host) return said_mail(name, host, says) end
    text = text:gsub("mailto:", ""):gsub("([%w._+-]*%w)@(%w[%w.-]*%.%a%a+)", say)
  end
  if not text:find "%w%.%a" then return text end
  return (text:gsub("%f[%w]([%w-]+%.[%w.-]*%a)(/?[%w/_-]*)", function(host, path)
    local ending = host:match "%.(%l+)$"
    if not endings[ending] or #host - #ending < 4 then return nil end
    return said_address(host .. path, says)
  end))
end

local function row_of(line)
  if line:find "^[|%-%s:]+$" then return "" end
  local cells = {}
  for cell in line:gmatch "[^|]+" do
    cell = cell:match "^%s*(.-)%s*$"
    if cell ~= "" then cells[#cells + 1] = cell end
  end
  return table.concat(cells, ", ")
end

-- The marks at the beginning of a line, and whether it is a line by itself: a heading, an item, a row.
local function without_line_marks(text)
  local line = text:gsub("^%s*[>%s]*", "")
  if line:find "^[-*_=~]+%s*$" or line:find "^[-*_]%s+[-*_%s]+$" then return "", false end
  if line:find "^|" then return row_of(line), true end
  local rest, times = line:gsub("^#+%s+", "")
  if times > 0 then return rest:gsub("%s+#+%s*$", ""), true end
  rest, times = line:gsub("^[-*+]%s+", "")
  if times == 0 then rest, times = line:gsub("^\226\128\162%s*", "") end
  if times == 0 then return line, false end
  return rest:gsub("^%[[ xX]%]%s+", ""), true
end

local function without_inline_marks(text, says)
  if text:find("[", 1, true) then
    text = text:gsub("!?%[([^%[%]]*)%]%([^%s()]*[^()]*%)", "%1"):gsub("%[([^%[%]]*)%]%[[^%[%]]*%]", "%1")
  end
  if text:find("<", 1, true) then text = text:gsub("<br%s*/?>", " "):gsub("</?%a[^<>:]*>", "") end
  if text:find("&", 1, true) then text = text:gsub("&(%a+);", entities) end
  text = text:gsub("\\(%p)", "%1"):gsub("`", ""):gsub("~~", "")
  if text:find("*", 1, true) then text = text:gsub("(%d)%s*%*%s*(%d)", "%1 " .. says.times .. " %2"):gsub("%*", "") end
  return text
end

-- Underscores: those around words are emphasis, those in a name part its words.
local function without_underscores(text)
  if not text:find("_", 1, true) then return text end
  return (text:gsub("%f[%w_]_+", ""):gsub("_+%f[^%w_]", ""):gsub("_+", " "))
end

-- A line by itself ends like a sentence, so that a voice stops there. Only where it ends in a letter known to be one.
local function closed(text, is_line)
  if is_line and text:find "[%w%)\"']$" then return text .. "." end
  return text
end

-- Marks beyond ASCII, which alone have no sound.
local quiet = {
  "\226\128[\128-\191]", "\227\128[\128-\191]", "\239\188[\129-\143\154-\159]", "\224\165[\164\165]",
  "\216[\140\155\159]", "\219\148", "\194[\128-\191]",
}

local function has_sound(text)
  if text:find "%w" then return true end
  if not text:find "[\128-\255]" then return false end
  for _, pattern in ipairs(quiet) do text = text:gsub(pattern, "") end
  return text:find "[\194-\244]" ~= nil
end

---A piece of text as it can be spoken; empty when there is nothing in it to say.
---@param text string
---@param known callisto.Language|nil  of the text; English words for "dot" and "slash" without it
---@return string
function speakable.of(text, known)
  local says = (known or language.plain).says
  if text:find "[%z\1-\31\127-\255]" then text = without_silent((utf8.valid(text))) end
  local line, is_line = without_line_marks(text)
  line = with_addresses(without_inline_marks(line, says), says)
  local items
  line, items = without_underscores(line):gsub("^%s*(%d%d?)[.)]%s+", "%1, ")
  line = line:gsub("%s+", " "):match "^ ?(.-) ?$"
  if not has_sound(line) then return "" end
  return closed(line, is_line or items > 0)
end

return speakable
