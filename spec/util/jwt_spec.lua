local has_crypto, crypto = pcall(require, "callisto.crypto")
local jwt = has_crypto and require "callisto.jwt"

-- Without crypto nothing can be signed; everything runs inside our own binary.
local describe_if = has_crypto and describe or pending

local function shell(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read "*a"
  pipe:close()
  return text
end

describe_if("A JSON Web Token", function()
  local secret = "qwertyuiopasdfghjklzxcvbnm123456"
  local token = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJPbmxpbmUgSldUIEJ1aWxkZXIiLCJpYXQiOjE2OTc2MzQ2ODAsImV4cCI6MzMyNT"
    .. "Q1NDA4MjgsImF1ZCI6IiIsInN1YiI6IiJ9.88vJc3I2HhuqEDixHXVhc9R30tA6U_HQHZTC29y6CGM"

  it("of a published example is right", function()
    local claims = assert(jwt.verify(token, secret))
    assert.equal("Online JWT Builder", claims.iss)
    assert.equal(33254540828, claims.exp)
  end)

  local header, payload, signature = token:match "^([^.]+)%.([^.]+)%.([^.]+)$"
  local function url(bytes) return (crypto.base64(bytes):gsub("[+/=]", { ["+"] = "-", ["/"] = "_", ["="] = "" })) end

  for name, case in pairs {
    ["another secret"] = { token, "x" .. secret, "signature is wrong" },
    ["another payload"] = { header .. "." .. url '{"iss":"x"}' .. "." .. signature, secret, "signature is wrong" },
    ["two parts"] = { header .. "." .. payload, secret, "three parts" },
    ["four parts"] = { token .. ".x", secret, "three parts" },
    ["alg none"] = { url '{"alg":"none"}' .. "." .. payload .. "." .. signature, secret, "alg is none" },
    ["alg RS256"] = { url '{"alg":"RS256"}' .. "." .. payload .. "." .. signature, secret, "alg is RS256" },
    ["the other alphabet"] = { header .. "." .. payload .. "." .. signature:gsub("_", "/"), secret, "three parts" },
    ["padding"] = { token .. "=", secret, "three parts" },
    ["claims that are not an object"] = { header .. "." .. url "7" .. "." .. signature, secret, "not a JSON object" },
    ["a header that is not base64"] = { "A." .. payload .. "." .. signature, secret, "not a JSON object" },
    ["nothing"] = { "", secret, "three parts" },
    ["too much"] = { ("a"):rep(9000) .. "." .. payload .. "." .. signature, secret, "too long" },
  } do
    it("is refused with " .. name, function()
      local claims, why = jwt.verify(case[1], case[2])
      assert.is_nil(claims)
      assert.matches(case[3], why)
    end)
  end

  it("signed with a private key is accepted by openssl", function()
    local folder = shell "mktemp -d":match "%S+"
    local new_key = "openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key 2>/dev/null"
    local key = shell(("cd %s && %s && cat key"):format(folder, new_key))
    local signed, mark = assert(jwt.sign({ application_id = "a-1", iat = 1 }, key)):match "^(.*)%.([^.]*)$"
    assert.equal('{"alg":"RS256","typ":"JWT"}', crypto.unbase64(signed:match "^[^.]+" .. ("="):rep(-#signed:match "^[^.]+" % 4)))
    for name, text in pairs {
      text = signed, mark = crypto.unbase64(mark:gsub("[-_]", { ["-"] = "+", ["_"] = "/" }) .. ("="):rep(-#mark % 4)),
    } do
      local file = assert(io.open(folder .. "/" .. name, "wb"))
      file:write(text)
      file:close()
    end
    local said = shell(("cd %s && openssl pkey -in key -pubout -out pub && openssl dgst -sha256 -verify pub -signature mark text")
      :format(folder))
    os.execute("rm -r " .. folder)
    assert.equal("Verified OK\n", said)
  end)

  it("needs a key", function()
    local signed, why, code = jwt.sign({}, "no key")
    assert.is_nil(signed)
    assert.matches("RSA private key", why)
    assert.equal("EINVAL", code)
  end)
end)
