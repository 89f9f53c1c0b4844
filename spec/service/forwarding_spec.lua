-- Who a request without a key comes from. What the door of the API says to it is in spec/service/api_spec.lua.

local forwarding = require "callisto.forwarding"

describe("a request", function()
  for _, peer in ipairs { "127.0.0.1", "127.0.0.1:40000", "127.8.9.10:1", "::1", "[::1]:40000", "::ffff:127.0.0.1" } do
    it("from " .. peer .. " is of this machine", function()
      assert.is_nil(forwarding.doubt { peer = peer, headers = { host = "localhost" } })
    end)
  end

  for _, peer in ipairs { "10.0.0.9:1", "203.0.113.9", "::2", "[::12]:1", "128.0.0.1", "1127.0.0.1", "127.0.0.1.example", "" } do
    it("from " .. peer .. " is of another", function()
      assert.equal("this one comes from " .. peer, forwarding.doubt { peer = peer, headers = { host = "localhost" } })
    end)
  end

  it("from an unknown address is of another", function()
    assert.equal("this one comes from an unknown address", forwarding.doubt { headers = { host = "localhost" } })
  end)
end)
