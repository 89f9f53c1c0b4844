local metrics = require "callisto.metrics"

-- What was counted is read by a server's /metrics (tests/end_to_end); here, what is taken and what is refused.
describe("metrics", function()
  it("are counted, set and observed, with labels or without", function()
    metrics.count "spec_total"
    metrics.count("spec_total", 3)
    metrics.count 'spec_refused_total{reason="token"}'
    metrics.gauge("spec_gauge", 7)
    metrics.observe("spec_seconds", 0.25)
  end)

  it("want a name and a number", function()
    assert.has_error(function() metrics.count() end)
    assert.has_error(function() metrics.count("spec_total", "many") end)
    assert.has_error(function() metrics.gauge "spec_gauge" end)
    assert.has_error(function() metrics.observe("spec_seconds", {}) end)
  end)

  it("are so many and no more: what is one too many does no harm", function()
    for i = 1, 200 do metrics.count(("spec_many_%d_total"):format(i % 20)) end
  end)
end)
