-- A caller on a simulated phone, which comes with Callisto.
return require "callisto.spec.phone"
