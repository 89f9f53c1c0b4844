local xml = require "callisto.xml"

local HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'

describe("xml", function()
  describe("builds", function()
    for _, case in ipairs {
      { "an empty element", { "Hangup" }, "<Hangup/>" },
      { "text", { "Say", {}, "Hello" }, "<Say>Hello</Say>" },
      { "attributes in order of their names", { "Say", { voice = "w", language = "en", loop = 2 } },
        '<Say language="en" loop="2" voice="w"/>' },
      { "numbers of many attributes, each its own", { "A", { z = 1, y = 2, x = 3, w = 4, v = 5, u = 6, t = 7, s = 8.5 } },
        '<A s="8.5" t="7" u="6" v="5" w="4" x="3" y="2" z="1"/>' },
      { "attributes in the order of a list", { "A", { { "z", "1" }, { "a", "2" } } }, '<A z="1" a="2"/>' },
      { "true and false", { "Dial", { record = true, beep = false } }, '<Dial beep="false" record="true"/>' },
      { "children without attributes", { "Response", { "Say", {}, "Hi" }, { "Hangup" } },
        "<Response><Say>Hi</Say><Hangup/></Response>" },
      { "elements inside text", { "Say", {}, "one ", { "break" }, " two" }, "<Say>one <break/> two</Say>" },
      { "numbers as text", { "Pause", {}, 3 }, "<Pause>3</Pause>" },
      { "escapes", { "Say", { a = '"<&' }, "1 < 2 & 3" }, '<Say a="&quot;&lt;&amp;">1 &lt; 2 &amp; 3</Say>' },
      { "other alphabets", { "Say", {}, "नमस्ते ü" }, "<Say>नमस्ते ü</Say>" },
    } do
      it(case[1], function()
        local text = assert(xml.build(case[2]))
        assert.equal(HEAD .. case[3], (text:gsub("\n$", "")))
      end)
    end
  end)

  describe("refuses to build", function()
    local deep = { "a" }
    for _ = 1, 100 do deep = { "a", deep } end
    for _, case in ipairs {
      { "a node without a name", { {} }, "name" },
      { "a child that is a function", { "Say", {}, print }, "function" },
      { "an attribute that is a table", { "Say", { a = {} } }, "attribute" },
      { "what nests too deep", deep, "deeper" },
      { "text", "Say", "table" },
    } do
      it(case[1], function() assert.error_matches(function() xml.build(case[2]) end, case[3]) end)
    end
  end)

  describe("reads", function()
    it("names, attributes, text and children", function()
      local root = assert(xml.parse '<Response><Say voice="alice">Hi &amp; bye</Say><Hangup/></Response>')
      assert.equal("Response", root.name)
      assert.equal("Say", root[1].name)
      assert.equal("alice", root[1].attrs.voice)
      assert.equal("Hi & bye", root[1].text)
      assert.equal("Hangup", root[2].name)
      assert.same({}, root[2].attrs)
    end)

    it("what it built", function()
      local root = assert(xml.parse(xml.build { "A", { q = "\"'<>&" }, { "B", {}, "]]> & <" } }))
      assert.equal("\"'<>&", root.attrs.q)
      assert.equal("]]> & <", root[1].text)
    end)

    local bomb = '<!DOCTYPE a [<!ENTITY x "xxxxxxxxxx"><!ENTITY y "&x;&x;&x;">]><a>&y;</a>'
    local file = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>'
    for name, text in pairs {
      ["nothing"] = "", ["half a document"] = "<a><b></a>", ["text"] = "hello", ["two roots"] = "<a/><b/>",
      ["entities of its own"] = bomb, ["a file"] = file, ["more than 100 KB"] = "<a>" .. ("x"):rep(110 * 1024) .. "</a>",
      ["very deep nesting"] = ("<a>"):rep(400) .. ("</a>"):rep(400),
    } do
      it("no document from " .. name .. ", and says why", function()
        local root, why = xml.parse(text)
        assert.is_nil(root)
        assert.is_string(why)
      end)
    end
  end)

  it("survives many broken documents, and the collector", function()
    for i = 1, 200 do
      xml.parse(("<a><b x='%d'>"):format(i))
      pcall(xml.build, { "a", {}, { "b", {}, print } })
    end
    collectgarbage()
    assert.equal("a", xml.parse("<a/>").name)
  end)
end)
