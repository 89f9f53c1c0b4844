-- callisto completion SHELL: what a shell must know to complete our verbs and options.

local arguments = require "callisto.cli.arguments"
local pages = require "callisto.cli.pages"

local command = {}

local HELP = [[
usage: callisto completion bash|zsh|fish

Prints what the shell must read to complete verbs, options and the names of templates.

Examples: callisto completion bash >~/.local/share/bash-completion/completions/callisto
          callisto completion zsh >"${fpath[1]}/_callisto"
          callisto completion fish >~/.config/fish/completions/callisto.fish]]

local function names_of(page)
  local names = {}
  for i, option in ipairs(page.options) do names[i] = option.name end
  return table.concat(names, " ")
end

-- A text between apostrophes, for any of the three.
local function quoted(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

local shells = {}

local BASH = [=[
# callisto: completion for bash, printed by `callisto completion bash`.
_callisto() {
  local word=${COMP_WORDS[COMP_CWORD]} verb=${COMP_WORDS[1]} options=
  if [ "$COMP_CWORD" = 1 ]; then
    mapfile -t COMPREPLY < <(compgen -W %s -- "$word")
    return
  fi
  case $verb in
%s
  esac
  if [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
  elif [ "$verb" = call ] && [ "$COMP_CWORD" = 2 ]; then
    local agents=$(cd templates 2>/dev/null && printf '%%s ' *.lua | sed 's/\.lua//g; s/_/-/g')
    mapfile -t COMPREPLY < <(compgen -W "$agents" -- "$word")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  fi
}
complete -F _callisto callisto]=]

function shells.bash(all)
  local verbs, cases = {}, {}
  for i, page in ipairs(all) do
    verbs[i] = page.verb
    cases[i] = ("  %s) options=%s ;;"):format(page.verb, quoted(names_of(page)))
  end
  return BASH:format(quoted(table.concat(verbs, " ")), table.concat(cases, "\n"))
end

local ZSH = [[
#compdef callisto
# callisto: completion for zsh, printed by `callisto completion zsh`.
_callisto() {
  local -a verbs
  verbs=(
%s
  )
  if (( CURRENT == 2 )); then
    _describe verb verbs
    return
  fi
  case $words[2] in
%s
  esac
}
_callisto "$@"]]

-- In a description of _arguments these mean something.
local function plain(text) return (text:gsub("[%[%]:\\]", "\\%0")) end

local function zsh_options(page)
  local list = {}
  for i, option in ipairs(page.options) do
    local value = option.value and (":%s:_files"):format(plain(option.value)) or ""
    list[i] = "      " .. quoted(("%s[%s]%s"):format(option.name, plain(option.says), value)) .. " \\"
  end
  return table.concat(list, "\n")
end

function shells.zsh(all)
  local verbs, cases = {}, {}
  for i, page in ipairs(all) do
    verbs[i] = "    " .. quoted(page.verb .. ":" .. plain(page.what))
    cases[i] = ("  %s)\n    _arguments \\\n%s\n      '*:file:_files' ;;"):format(page.verb, zsh_options(page))
    cases[i] = cases[i]:gsub("\n\n", "\n")
  end
  return ZSH:format(table.concat(verbs, "\n"), table.concat(cases, "\n"))
end

function shells.fish(all)
  local lines = { "# callisto: completion for fish, printed by `callisto completion fish`." }
  for _, page in ipairs(all) do
    lines[#lines + 1] = ("complete -c callisto -n __fish_use_subcommand -f -a %s -d %s"):format(page.verb, quoted(page.what))
    for _, option in ipairs(page.options) do
      local kind = option.name:match "^%-%-(.*)$"
      local flag = kind and "-l " .. kind or "-s " .. option.name:sub(2)
      lines[#lines + 1] = ("complete -c callisto -n '__fish_seen_subcommand_from %s' %s%s -d %s"):format(page.verb, flag,
        option.value and " -r" or "", quoted(option.says))
    end
  end
  return table.concat(lines, "\n")
end

---@return integer exit_code
function command.run(...)
  local asked, code = arguments.read("completion", HELP, {}, ...)
  if not asked then return code end
  local shell = shells[asked.words[1] or ""]
  if not shell or asked.words[2] then return arguments.misused("completion", "one of bash, zsh and fish is needed") end
  print(shell(pages.all()))
  return 0
end

return command
