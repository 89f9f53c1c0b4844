-- Hindi: see callisto.language.
return {
  name = "Hindi",
  yes = "हाँ, हां, जी हाँ, जी हां, जी, हाँ जी, हां जी, ठीक है, सही, सही है, "
    .. "बिल्कुल, ज़रूर, जरूर, haan, haan ji, ji haan, ji, theek hai, bilkul, yes, okay",
  no = "नहीं, नही, जी नहीं, ना, मत, गलत, nahi, nahin, ji nahi, na, no",
  acknowledgements = "हाँ, हां, जी, जी हाँ, जी हां, हाँ जी, हां जी, हम्म, हूँ, हूं, "
    .. "अच्छा, ठीक, ठीक है, ओके, सही, सही है, बोलिए, "
    .. "haan, ji, haan ji, ji haan, hmm, hm, mm, acha, accha, achha, theek, theek hai, thik hai, okay, ok, sahi, sahi hai",
  fillers = { "एक क्षण।", "बस एक मिनट।", "मैं देखता हूँ।", "एक पल रुकिए।" },
  still_there = "क्या आप लाइन पर हैं?",
  fallback = "माफ़ कीजिए, कुछ गड़बड़ हो गई। कृपया थोड़ी देर बाद फिर से कॉल कीजिए। नमस्ते।",
  again = "माफ़ कीजिए, मैं समझ नहीं पाया।",
  goodbye = "कॉल करने के लिए धन्यवाद। नमस्ते।",
  is = { yes = "हाँ", no = "नहीं" },
  says = { dot = "डॉट", slash = "स्लैश", at = "ऐट", dash = "डैश", underscore = "अंडरस्कोर", times = "गुणा" },
  inside = "डॉ श्री प्रो सुश्री कु मो सं रु Dr Mr Mrs Ms Prof Shri Smt Rs e.g i.e",
  number = "no नं",
  maybe = "लि etc Ltd Pvt",
}
