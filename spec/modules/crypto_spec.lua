local crypto = require "callisto.crypto"

describe("crypto", function()
  -- FIPS 180 and RFC 1321: digests of "abc".
  for algorithm, digest in pairs {
    md5 = "900150983cd24fb0d6963f7d28e17f72",
    sha1 = "a9993e364706816aba3e25717850c26c9cd0d89d",
    sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    sha512 = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
      .. "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
  } do
    it("makes the " .. algorithm .. " digest of the standards", function()
      assert.equal(digest, crypto.hex(crypto.digest(algorithm, "abc")))
    end)
  end

  -- RFC 2202 and RFC 4231, test case 2.
  for algorithm, digest in pairs {
    sha1 = "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
    sha256 = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
  } do
    it("signs with " .. algorithm .. " as the RFCs do", function()
      assert.equal(digest, crypto.hex(crypto.hmac(algorithm, "Jefe", "what do ya want for nothing?")))
    end)
  end

  it("signs with keys longer than a block", function()
    local signed = crypto.hmac("sha256", ("\170"):rep(131), "Test Using Larger Than Block-Size Key - Hash Key First")
    assert.equal("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54", crypto.hex(signed))
  end)

  it("takes any bytes, also none", function()
    assert.equal("d41d8cd98f00b204e9800998ecf8427e", crypto.hex(crypto.digest("md5", "")))
    assert.equal("00ff0a", crypto.hex "\0\255\n")
    assert.equal(20, #crypto.hmac("sha1", "", ""))
  end)

  it("refuses an algorithm it does not know", function()
    assert.error_matches(function() crypto.digest("sha3", "x") end, "sha3")
    assert.error_matches(function() crypto.hmac("crc", "x", "y") end, "crc")
  end)

  describe("base64", function()
    for plain, encoded in pairs {
      [""] = "", f = "Zg==", fo = "Zm8=", foo = "Zm9v", foob = "Zm9vYg==", ["\255\254\0"] = "//4A",
    } do
      it(("of %q goes there and back"):format(plain), function()
        assert.equal(encoded, crypto.base64(plain))
        assert.equal(plain, crypto.unbase64(encoded))
      end)
    end

    for _, text in ipairs { "Zg=", "Z", "Zg==x", "****", "Zm9v\255" } do
      it(("refuses %q"):format(text), function()
        local bytes, why, code = crypto.unbase64(text)
        assert.is_nil(bytes)
        assert.is_string(why)
        assert.is_string(code)
      end)
    end

    it("takes bytes of every value", function()
      local all = {}
      for i = 0, 255 do all[#all + 1] = string.char(i) end
      local bytes = table.concat(all):rep(5)
      assert.equal(bytes, crypto.unbase64(crypto.base64(bytes)))
    end)
  end)

  -- RFC 8032, test 2.
  describe("Ed25519", function()
    local seed = "\76\205\8\155\40\255\150\218\157\182\195\70\236\17\78\15"
      .. "\91\138\49\159\53\171\166\36\218\140\246\237\79\184\166\251"

    it("signs as the RFC does, and checks what was signed", function()
      local key = crypto.ed25519_public(seed)
      assert.equal("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", crypto.hex(key))
      local signature = crypto.ed25519_sign(seed, "r")
      assert.equal("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        .. "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00", crypto.hex(signature))
      assert.is_true(crypto.ed25519_verify(key, signature, "r"))
      assert.is_false(crypto.ed25519_verify(key, signature, "s"))
      assert.is_false(crypto.ed25519_verify(key, signature:sub(1, 63), "r"))
      assert.is_false(crypto.ed25519_verify(key, "", "r"))
    end)

    it("names a key of another length", function()
      assert.error_matches(function() crypto.ed25519_verify("short", "", "") end, "32 bytes, not 5")
      assert.error_matches(function() crypto.ed25519_sign(seed .. "x", "") end, "32 bytes, not 33")
    end)
  end)

  it("makes RSA keys for made-up accounts, each another", function()
    local pem = crypto.rsa_new()
    assert.matches("^%-%-%-%-%-BEGIN PRIVATE KEY%-%-%-%-%-\n", pem)
    assert.not_equal(pem, crypto.rsa_new())
    assert.equal(256, #crypto.rs256_sign(pem, "text"))
    local _, why = crypto.rsa_new(1024)
    assert.matches("2048 to 4096 bits, not 1024", why)
  end)

  it("compares", function()
    assert.is_true(crypto.equal("abc", "abc"))
    assert.is_true(crypto.equal("", ""))
    assert.is_false(crypto.equal("abc", "abd"))
    assert.is_false(crypto.equal("abc", "abcd"))
    assert.is_false(crypto.equal("a\0c", "a\0d"))
  end)
end)
