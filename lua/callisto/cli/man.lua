-- callisto man [VERB]: the help of the verbs as pages of the manual.

local arguments = require "callisto.cli.arguments"
local files = require "callisto.cli.files"
local pages = require "callisto.cli.pages"

local command = {}

local HELP = [[
usage: callisto man [VERB]
       callisto man --to FOLDER

Prints the page of the manual about callisto, or about one of its verbs, for man(1).
  --to FOLDER    write all pages into this folder: callisto.1, callisto-call.1 …

Examples: callisto man call | man -l -
          callisto man --to ~/.local/share/man/man1]]

-- A line as roff takes it literally.
local function plain(text)
  text = text:gsub("\\", "\\e"):gsub("%-", "\\-")
  return text:find "^[.']" and "\\&" .. text or text
end

local function add_options(lines, options)
  if not options[1] then return end
  lines[#lines + 1] = ".SH OPTIONS"
  for _, option in ipairs(options) do
    lines[#lines + 1] = ".TP"
    lines[#lines + 1] = (".B %s%s"):format(plain(option.name), option.value and " \\fI" .. plain(option.value) .. "\\fR" or "")
    lines[#lines + 1] = plain(option.says)
  end
end

local function add_plain(lines, heading, list)
  if not list[1] then return end
  lines[#lines + 1] = heading
  lines[#lines + 1] = ".nf"
  for _, each in ipairs(list) do lines[#lines + 1] = plain(each) end
  lines[#lines + 1] = ".fi"
end

local function head(name, what)
  return { (".TH %s 1 \"\" callisto \"Callisto\""):format(name:upper()), ".SH NAME", plain(name) .. " \\- " .. plain(what) }
end

local function page_of(page)
  local lines = head("callisto-" .. page.verb, page.what)
  add_plain(lines, ".SH SYNOPSIS", page.usage)
  lines[#lines + 1] = ".SH DESCRIPTION"
  for _, line in ipairs(page.text) do lines[#lines + 1] = plain(line) end
  add_options(lines, page.options)
  add_plain(lines, ".SH EXAMPLES", page.examples)
  lines[#lines + 1] = ".SH SEE ALSO\n.BR callisto (1)"
  return table.concat(lines, "\n")
end

local function overview(all)
  local lines = head("callisto", "a telephone engine for voice agents")
  add_plain(lines, ".SH SYNOPSIS", { "callisto VERB [options]" })
  lines[#lines + 1] = ".SH VERBS"
  for _, page in ipairs(all) do
    lines[#lines + 1] = (".TP\n.BR callisto\\-%s (1)\n%s"):format(page.verb, plain(page.what))
  end
  lines[#lines + 1] = ".SH EXIT STATUS\n0 done, 1 failed, 2 wrong usage or settings."
  return table.concat(lines, "\n")
end

local function find(all, verb)
  for _, page in ipairs(all) do
    if page.verb == verb then return page end
  end
end

local function write(folder, name, text)
  local path = ("%s/%s.1"):format(folder, name)
  local file, why = io.open(path, "wb")
  if not file then return arguments.refuse("man", why) end
  file:write(text, "\n")
  file:close()
  print(path)
  return 0
end

local function write_all(all, folder)
  if os.execute("mkdir -p -- " .. files.quote(folder)) ~= 0 then
    return arguments.refuse("man", "the folder " .. folder .. " cannot be made")
  end
  local code = write(folder, "callisto", overview(all))
  for _, page in ipairs(all) do
    if code == 0 then code = write(folder, "callisto-" .. page.verb, page_of(page)) end
  end
  return code
end

---@return integer exit_code
function command.run(...)
  local asked, code = arguments.read("man", HELP, { ["--to"] = { "folder" } }, ...)
  if not asked then return code end
  local verb = asked.words[1]
  if asked.words[2] or asked.folder and verb then return arguments.misused("man", "one verb, or --to FOLDER") end
  local all = pages.all()
  if asked.folder then return write_all(all, asked.folder) end
  local page = verb and find(all, verb)
  if verb and not page then return arguments.misused("man", "there is no verb " .. verb) end
  print(page and page_of(page) or overview(all))
  return 0
end

return command
