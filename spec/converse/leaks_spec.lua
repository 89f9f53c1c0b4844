-- What of a model's text is not for the caller, cut anywhere.

local leaks = require "callisto.converse.leaks"

local function said(text, size)
  local filter, parts = leaks.new { "save", "change_address" }, {}
  for at = 1, #text, size do parts[#parts + 1] = filter:put(text:sub(at, at + size - 1)) end
  parts[#parts + 1] = filter:finish()
  return (table.concat(parts):gsub("%s+", " "):gsub("^ ", ""):gsub(" $", "")), filter.suppressed
end

describe("report A 11: of what a model writes", function()
  for _, case in ipairs {
    { 'to=functions.save {"name":"Ann","tags":["a","}"]} Your name is saved.', "Your name is saved." },
    { 'One moment. save({"name": "Ann"}) It is done.', "One moment. It is done." },
    { 'save {"name": "Ann \\"the\\" {great}"} It is done.', "It is done." },
    { 'functions.change_address({"to": 1}) Thanks!', "Thanks!" },
    { "<|channel|>commentary<|message|> Hello.", "Hello." },
    { '<tool_call>{"name":"save"}</tool_call>Saved.', "Saved." },
    { '<function=save><parameter=name>', "" },
    { "<think>The caller wants {x}. I save it.</think>Sure.", "Sure." },
    { '```json\n{"name": "Ann"}\n```\nSaved.', "Saved." },
    { '{"name": "save", "arguments": {"name": "Ann"}}', "" },
    { '[{"name": "save"}] Well.', "Well." },
    { '{"name": "save", "argum', "" },
    { "save", "save" },
    { "I save it. Shall I save?", "I save it. Shall I save?" },
    { "You can save (a lot) here.", "You can save (a lot) here." },
    { "3 < 5, a <b> and [see](https://x.test) {this}.", "3 < 5, a <b> and [see](https://x.test) {this}." },
    { "Ist das für Käthe? हाँ।", "Ist das für Käthe? हाँ।" },
    { "It costs 3.50, to=", "It costs 3.50, to=" },
    { "", "" },
  } do
    it(("is said: '%s' of '%s'"):format(case[2], case[1]:gsub("\n", " ")), function()
      for _, size in ipairs { 1, 2, 3, 7, 1000 } do assert.equal(case[2], (said(case[1], size))) end
    end)
  end

  it("what is left out is kept for the log", function()
    assert.same({ "to=functions.save", '{"name":"Ann"}' }, (select(2, said('to=functions.save {"name":"Ann"} Done.', 1))))
  end)

  it("nothing endless is held back", function()
    local filter = leaks.new {}
    filter:put '{"a":"'
    for _ = 1, 100 do filter:put(("x"):rep(1000)) end
    assert.is_true(#filter.rest < 20000)
    assert.equal("", filter:put "Well. ")
  end)
end)
