local binary = require "spec.support.binary"
local files = require "callisto.cli.files"
local json = require "callisto.json"

local GOOD = [[{ "name": "delivery", "flow": { "mode": "ivr", "initial_node": "ask", "nodes": {
  "ask": { "prompt": "Press one, {name}.", "options": [
    { "digit": "1", "label": "yes", "action": "end", "outcome": "YES" } ] } } },
  "expected_payload_schema": { "name": "string" },
  "configurations": { "initial_greeting": "Hello ]==] there.", "llm": {} } }]]
local BAD = [[{ "name": "delivery", "flow": { "mode": "ivr", "initial_node": "ask", "nodes": {
  "ask": { "prompt": 5, "options": [ { "digit": "1", "action": "jump" } ] } } }, "expected_payload_schema": { "a": "strin" } }]]

describe("callisto import", function()
  local folder
  before_each(function()
    folder = binary.folder { ["good.json"] = GOOD, ["bad.json"] = BAD, ["broken.json"] = '{ "name": ', ["templates/.keep"] = "" }
  end)
  after_each(function() binary.remove(folder) end)

  local function import(...) return binary.run({ "import", ... }, { folder = folder }) end

  it("says what becomes of a document", function()
    local result = import "good.json"
    assert.equal(0, result.code, result.err)
    assert.equal("template  delivery, a keypad tree\npayload   name string\ngreeting  Hello ]==] there.\n"
      .. "ignored   configurations.llm\n", result.out)
  end)

  it("writes a template that is right", function()
    local result = import("good.json", "-o", "templates/delivery.lua")
    assert.equal(0, result.code, result.err)
    local checked = binary.run({ "check" }, { folder = folder })
    assert.equal(0, checked.code, checked.out)
    assert.matches("ok       templates/delivery.lua", checked.out)
  end)

  it("replaces a file only when told to", function()
    import("good.json", "-o", "templates/delivery.lua")
    local before = files.read(folder .. "/templates/delivery.lua")
    local result = import("good.json", "-o", "templates/delivery.lua")
    assert.equal(1, result.code)
    assert.matches("already there; %-%-force replaces it", result.err)
    assert.equal(before, files.read(folder .. "/templates/delivery.lua"))
    assert.equal(0, import("good.json", "-o", "templates/delivery.lua", "--force").code)
  end)

  it("names every problem with its place, and writes nothing", function()
    local result = import("bad.json", "-o", "templates/bad.lua")
    assert.equal(1, result.code)
    for _, words in ipairs { "expected_payload_schema.a: unknown type 'strin'", "flow.nodes.ask.prompt: a sentence must be text",
      "flow.nodes.ask.options[0]: unknown action 'jump'" } do
      assert(result.out:find("problem   bad.json: " .. words, 1, true), words .. " is not in " .. result.out)
    end
    assert.is_nil((files.read(folder .. "/templates/bad.lua")))
  end)

  it("gives it to scripts", function()
    local good = json.decode(import("good.json", "--json").out)
    assert.same({ ok = true, name = "delivery", kind = "keypad tree", payload = { name = "string" },
      ignored = { "configurations.llm" }, problems = {} }, good)
    local bad = json.decode(import("bad.json", "--json").out)
    assert.is_false(bad.ok)
    assert.equal("expected_payload_schema.a", bad.problems[1].place)
    assert.matches("unknown type", bad.problems[1].message)
  end)

  it("says what is not JSON", function()
    local result = import "broken.json"
    assert.equal(1, result.code)
    assert.matches("problem   broken.json: the document is not JSON", result.out)
    assert.matches("1 problem; nothing can be written", result.out)
  end)

  it("refuses wrong usage", function()
    for _, words in ipairs { {}, { "a.json", "b.json" }, { "good.json", "-o" }, { "good.json", "-o", "x.txt" },
      { "--frobnicate" }, { "nothing.json" } } do
      assert.equal(2, import(unpack(words)).code)
    end
    assert.matches("usage: callisto import", import("--help").out)
  end)

  local FLOW = [[{ "initial_node": "greet", "nodes": {
    "greet": { "task_messages": [ { "role": "system", "content": "Ask for the name." } ], "functions": [
      { "type": "function", "function": { "name": "collect", "handler": "collect_name", "transition_to": "done",
        "parameters": { "type": "object", "required": ["name"] } } } ] },
    "done": { "post_actions": [ { "type": "end_conversation" } ] } },
    "global_functions": [ { "name": "get_help" } ] }]]
  local EDITOR = [[{ "meta": { "name": "pizza", "version": "0.1.0" }, "edges": [], "nodes": [
    { "id": "done", "type": "end", "position": { "x": 0, "y": 0 }, "data": {
      "post_actions": [ { "type": "end_conversation" } ] } },
    { "id": "start-it", "type": "initial", "position": { "x": 0, "y": 1 }, "data": {
      "task_messages": [ { "role": "system", "content": "Greet." } ], "respond_immediately": true, "functions": [
        { "name": "go", "description": "", "next_node_id": "done", "decision": { "action": "x", "conditions": [],
          "default_next_node_id": "done" } } ] } } ] }]]

  it("reads a flow alone and an editor's file, leaves functions to be written, and says what is not taken over", function()
    for name, case in pairs {
      ["order-flow"] = { FLOW, "order-flow", "greet", 'return "collect", { name = … }',
        { "flow.nodes.greet.functions.collect.handler", "global_functions.get_help" } },
      drawn = { EDITOR, "pizza", "start-it", 'return "go"',
        { "flow.nodes.start-it.functions.go.decision", "flow.nodes.start-it.respond_immediately" } },
    } do
      local file = assert(io.open(("%s/%s.json"):format(folder, name), "w"))
      file:write(case[1])
      file:close()
      local source = name .. ".json"
      local alone = import(source)
      assert.equal(1, alone.code)
      assert.matches("a language model chooses between its functions", alone.out)
      local result = import(source, "-o", "templates/made.lua", "--force")
      assert.equal(0, result.code, result.out .. result.err)
      assert.matches("template  " .. case[2]:gsub("%p", "%%%0") .. ", a flow", result.out)
      assert.matches("to write  decide." .. case[3]:gsub("%p", "%%%0"), result.out)
      for _, place in ipairs(case[5]) do assert(result.out:find("ignored   " .. place, 1, true), place) end
      local text = files.read(folder .. "/templates/made.lua")
      assert(text:find(case[4], 1, true), text)
      local checked = binary.run({ "check" }, { folder = folder })
      assert.equal(0, checked.code, checked.out)
    end
  end)
end)
