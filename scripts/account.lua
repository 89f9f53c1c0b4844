-- A carrier's made-up account as lines for a shell: export NAME='value' …
--
-- usage: callisto lua scripts/account.lua CARRIER [NUMBER]

local accounts = require "callisto.exchange.accounts"

local CARRIER, NUMBER = ...

local is_known = false
for _, name in ipairs(accounts.carriers()) do is_known = is_known or name == CARRIER end
if not is_known then
  io.stderr:write(("there is no carrier '%s'; there are %s\n"):format(tostring(CARRIER), table.concat(accounts.carriers(), ", ")))
  os.exit(2)
end
local env = accounts.of(CARRIER, NUMBER)
env.TELEPHONY_PROVIDER = CARRIER

local names = {}
for name in pairs(env) do names[#names + 1] = name end
table.sort(names)
for _, name in ipairs(names) do print(("export %s='%s'"):format(name, (env[name]:gsub("'", "'\\''")))) end
