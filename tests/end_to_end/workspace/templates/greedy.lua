-- Takes of one thing as much as it gets, for half a minute.

local core = require "callisto.core"
local log = require "callisto.log"
local shared = require "callisto.shared"
local template = require "callisto.template"

local BIG = ("x"):rep(60000)

local kinds = {}

function kinds.time()
  local from = core.now()
  while core.now() - from < 0.03 do end
end

function kinds.messages() for _ = 1, 100 do core.tell(nil, BIG) end end
function kinds.facts(call) for number = 1, 100 do call:fact("step", { number = number }) end end
function kinds.lines() for _ = 1, 100 do log.info "Again and again." end end
function kinds.orders() for _ = 1, 100 do core.stop(1, 1) end end
function kinds.sentences(call) for _ = 1, 10 do call:spawn(function() call:say(("9"):rep(390)) end) end end
function kinds.sharing(call) for number = 1, 100 do shared.set(call.id .. number, BIG) end end

return template {
  name = "greedy",
  greeting = "Good day.",
  payload = { kind = "string" },
  on_call = function(call)
    local take, from = kinds[call.payload.kind], core.now()
    while core.now() - from < 30 do
      take(call)
      call:sleep(call.payload.kind == "time" and 0 or 0.01)
    end
    call:hangup()
  end,
}
