local exchange = require "callisto.spec"

describe("where-is-my-parcel", function()
  it("asks again for a number that there is not, then says the day", function()
    local caller = exchange.call {
      template = "where-is-my-parcel", inbound = true,
      settings = { shop_url = "https://shop.test" },
      hosts = {
        ["https://shop.test"] = function(request)
          if request.path:find "/000000$" then return { status = 404, body = "{}" } end
          return { status = 200, body = '{"day":"2026-03-05"}' }
        end,
      },
    }
    caller:hears "six digits"
    caller:presses "000000"
    caller:hears "There is no parcel"
    caller:hears "six digits"
    caller:presses "123456"
    caller:hears "Thursday, the fifth of March"
    assert.equal("ANSWERED", caller:ended().outcome)
  end)
end)
