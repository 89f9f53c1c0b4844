-- callisto.task: what sleeps, waits, is woken and cancelled, and what is left when an entry is stopped anywhere.

local tasks = require "spec.support.tasks"

describe("a task", function()
  local vm, task, seen

  local function run()
    task.run()
    vm:settle()
  end

  local function note(text) seen[#seen + 1] = text end

  before_each(function()
    vm = tasks.new()
    task, seen = vm.task, {}
  end)

  -- Nothing is left behind.
  after_each(function()
    task.cancel_all()
    assert.equal(0, task.count())
  end)

  it("sleeps; equal times come in the order they were asked for", function()
    for _, name in ipairs { "a", "b", "c" } do
      task.start(function()
        task.sleep(name == "c" and 1 or 2)
        note(name)
      end)
    end
    run()
    vm:advance(0.9)
    assert.same({}, seen)
    vm:advance(2)
    assert.same({ "c", "a", "b" }, seen)
    assert.is_nil(vm.wake)
  end)

  it("wakes for the earliest of many, also after some were taken out", function()
    local order = {}
    for i = 1, 50 do
      local seconds = (i * 37) % 50 + 1
      task.start(function()
        if task.wait("key " .. i, seconds) then return end
        order[#order + 1] = seconds
      end)
    end
    run()
    for i = 1, 50, 3 do task.wake("key " .. i, true) end
    run()
    vm:advance(100)
    assert.equal(33, #order)
    for i = 2, #order do assert.is_true(order[i] > order[i - 1]) end
  end)

  it("waits for a key, and gets what it is woken with", function()
    task.start(function() note(table.concat({ task.wait "k" }, " ")) end)
    task.start(function() note(table.concat({ task.wait "k" }, " ")) end)
    run()
    assert.equal(2, task.wake("k", "x", "y"))
    assert.equal(0, task.wake("k"))
    run()
    assert.same({ "x y", "x y" }, seen)
  end)

  it("gets nil, a message and a code when the time is up", function()
    task.start(function() note(table.concat({ tostring((task.wait("k", 3))), select(3, task.wait("k", 1)) }, " ")) end)
    run()
    vm:advance(4)
    assert.same({ "nil ETIMEDOUT" }, seen)
  end)

  it("is cancelled at its wait, tidies up, and cannot wait again", function()
    local each = task.start(function()
      task.finally(function() task.sleep(100) end, function()
        note "tidy"
        assert.is_false(pcall(task.sleep, 1))
        note "no wait"
      end)
      note "never"
    end)
    run()
    task.cancel(each)
    task.cancel(each)
    assert.same({ "tidy", "no wait" }, seen)
    assert.equal("ended", each.state)
    run()
    assert.is_nil(vm.wake)
  end)

  it("takes those it started along, youngest first", function()
    local function child(name) return function() task.finally(function() task.sleep(9) end, function() note(name) end) end end
    local root = task.start(function()
      task.spawn(child "a")
      task.spawn(function()
        task.spawn(child "b")
        child "c"()
      end)
      child "root"()
    end)
    run()
    task.cancel(root)
    assert.same({ "b", "c", "a", "root" }, seen)
    seen = {}
    task.start(function()
      task.spawn(child "left over")
      task.sleep(1)
    end)
    run()
    vm:advance(1)
    assert.same({ "left over" }, seen)
  end)

  it("gives errors to who waits, else to on_error, with the place", function()
    task.on_error(function(_, text) note(text) end)
    task.start(function()
      local child = task.spawn(function()
        task.sleep(1)
        error "first"
      end)
      note(select(2, pcall(task.join, child)))
    end)
    task.start(function() error "second" end)
    run()
    vm:advance(1)
    assert.matches("task_spec.lua:%d+: second.*in function", seen[1])
    assert.matches("task_spec.lua:%d+: first", seen[2])
    assert.equal(2, #seen)
  end)

  it("passes error values on as they are", function()
    local value = { code = "X" }
    task.start(function() note(select(2, pcall(task.join, task.spawn(function() error(value) end)))) end)
    task.on_error(function() note "reported" end)
    run()
    assert.equal(value, seen[1])
    assert.equal(1, #seen)
  end)

  it("races", function()
    task.start(function()
      local name, value = task.race {
        slow = function() task.finally(function() task.sleep(5) end, function() note "slow is over" end) end,
        quick = function() task.sleep(1) return "value" end,
      }
      note(name .. " " .. value)
    end)
    run()
    vm:advance(1)
    assert.same({ "slow is over", "quick value" }, seen)
    assert.is_nil(vm.wake)
  end)

  it("waits for all, and an error cancels the rest", function()
    task.start(function()
      local results = task.all {
        a = function() task.sleep(2) return 1 end,
        b = function() return 2 end,
      }
      note(results.a + results.b)
      note(tostring(pcall(task.all, {
        function() task.finally(function() task.sleep(9) end, function() note "cancelled" end) end,
        function() task.sleep(1) error "x" end,
      })))
    end)
    run()
    vm:advance(5)
    assert.same({ 3, "cancelled", "false" }, seen)
  end)

  it("has deadlines that reach down and leave as values", function()
    task.start(function()
      local value, message, code = task.with_timeout(5, function()
        note(task.remaining())
        note(task.remaining(3))
        local inner = select(3, task.with_timeout(10, function()
          task.race { function() note(task.remaining(60)) task.sleep(100) end }
        end))
        note(inner)
      end)
      note(tostring(value) .. " " .. code .. " " .. message)
      note(tostring(task.remaining()))
      note(task.with_timeout(5, function() return "in time" end))
    end)
    run()
    vm:advance(10)
    assert.same({ 5, 3, 5, "nil ETIMEDOUT ETIMEDOUT: timed out", "nil", "in time" }, seen)
  end)

  it("gets answers that came before anybody waited, and drops those nobody wants", function()
    vm:event("response", 7, { status = 200 })
    task.start(function() note(task.answer("response", 7).status) end)
    run()
    local waiter = task.start(function() note(task.answer("stored", 8)) end)
    run()
    task.cancel(waiter)
    vm:event("stored", 8, {})
    task.start(function() note(tostring(select(3, task.answer("stored", 9, 1)))) end)
    run()
    vm:advance(2)
    vm:event("stored", 9, {})
    task.ignore("response", 10)
    vm:event("response", 10, {})
    for _, number in ipairs { 8, 9, 10 } do
      task.start(function() note(tostring(task.answer(number == 10 and "response" or "stored", number, 1))) end)
    end
    run()
    vm:advance(2)
    assert.same({ 200, "ETIMEDOUT", "nil", "nil", "nil" }, seen)
  end)

  it("tells answers apart by every digit of their numbers", function()
    local first, second = 3 * 2 ^ 45 + 106501, 3 * 2 ^ 45 + 106502 -- as the third script thread numbers them
    task.start(function() note(task.answer("response", first).status) end)
    task.start(function() note(task.answer("response", second).status) end)
    run()
    vm:event("response", second, { status = 400 })
    vm:event("response", first, { status = 201 })
    run()
    assert.same({ 400, 201 }, seen)
  end)

  it("tells apart a timeout of its own and an answer that says timeout", function()
    vm:event("response", 7, nil, "ETIMEDOUT: the server", "ETIMEDOUT", true)
    task.start(function() note(tostring(select(4, task.answer("response", 7)))) end)
    run()
    assert.same({ "true" }, seen)
  end)

  it("refuses to wait where it cannot", function()
    assert.error_matches(function() task.sleep(1) end, "inside a task")
    task.start(function()
      local inner = coroutine.wrap(function() task.sleep(1) end)
      note(select(2, pcall(inner)))
    end)
    local strange
    task.on_error(function(_, text) strange = text end)
    task.start(function() coroutine.yield() end)
    run()
    assert.matches("coroutine of its own", seen[1])
    assert.matches("outside callisto.task", strange)
  end)

  it("goes on when the watchdog stops an entry anywhere", function()
    -- The hook stands for the engine's watchdog: at one instruction of our library it begins to raise, and raises at
    -- each further one until the entry is left.
    local function is_stopped_after(count, fn)
      local is_struck = false
      local function hook()
        local source = debug.getinfo(2, "S").source
        if not source:find "lua/callisto/" or source:find "lua/callisto/spec/" then return end
        count = count - 1
        if count > 0 then return end
        is_struck = true
        error("time budget used up", 0)
      end
      debug.sethook(hook, "", 1)
      pcall(fn)
      debug.sethook()
      return is_struck
    end

    if rawget(_G, "jit") then jit.off() end -- a hook is not seen by compiled loops
    local count, was_struck = 1, true
    while was_struck do
      vm = tasks.new()
      task = vm.task
      task.on_error(function() end)
      local ended = 0
      for i = 1, 4 do
        task.start(function()
          task.wait("go", 10 + i)
          local child = task.spawn(function() task.sleep(0.5) end)
          child:join()
          task.sleep(i)
          ended = ended + 1
        end)
      end
      task.run()
      vm:settle()
      local at = count
      was_struck = is_stopped_after(at, function()
        task.event "wake"
        task.wake "go"
        task.run()
      end)
      if at < 20 and not vm.wake then vm:event "wake" end -- stopped before it could ask for another look
      vm:advance(60)
      assert.equal(0, task.count(), "tasks are lost when stopped at instruction " .. at)
      assert.is_nil(vm.wake)
      assert.is_true(ended >= 3, ("%d tasks ended when stopped at instruction %d"):format(ended, at))
      count = count + 1
    end
    assert.is_true(count > 200, tostring(count))
  end)
end)
