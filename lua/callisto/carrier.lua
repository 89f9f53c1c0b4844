-- callisto.carrier: what callisto.provider.carrier was called before voices and ears were providers too.

return require "callisto.provider.carrier"
