-- The small C modules as specs use them, which come with Callisto.
return require "callisto.spec.modules"
