-- The simulated engine, which comes with Callisto.
return require "callisto.spec.world"
