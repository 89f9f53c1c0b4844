-- callisto.service.api.agents: the routes about agents.

local catalog = require "callisto.service.catalog"
local http = require "callisto.http"

return {
  {
    "GET", "/api/agents", says = "Lists the agents: the templates that answer and place calls.",
    gives = { agents = { "list", says = "name, description and payload of each" } },
    run = function() return http.json(200, { agents = catalog.list() }) end,
  },
}
