-- English: see callisto.language.
return {
  name = "English",
  yes = "yes, yes please, sure, okay, correct, that is right, right, yeah, yep, of course, please do",
  no = "no, no thanks, no thank you, nope, not really, never, wrong, please don't",
  acknowledgements = "uh-huh, uh huh, mm-hm, mm hm, mmhm, mm, mhm, hm, hmm, huh, ah, oh, okay, ok, yeah, yep, yes, right, sure, "
    .. "got it, i see, alright, all right, go on, cool, good, great, fine, yup",
  unfinished = "a an the and or but so because if when while that which who with without for from to of in on at by my "
    .. "your our his her their is are was were am be i i'm i'd i'll it's um uh er erm hmm like about between than "
    .. "as",
  dictated = "zero oh one two three four five six seven eight nine double triple dot dash underscore slash hyphen",
  fillers = { "One moment.", "Just a second.", "Let me check.", "Let me have a look." },
  still_there = "Are you still there?",
  fallback = "We are sorry, something went wrong. Please call again later. Goodbye.",
  again = "Sorry, I did not get that.",
  goodbye = "Goodbye.",
  not_a_choice = "That is not one of the choices.",
  press = "For %s, press %s.",
  is = { yes = "yes", no = "no" },
  says = { dot = "dot", slash = "slash", at = "at", dash = "dash", underscore = "underscore", times = "times" },
  inside = "Mr Mrs Ms Dr Prof St Mt Fr Rev Hon Gen Col Capt Lt Sgt Gov Sen Rep Messrs Mme e.g i.e cf vs approx ca viz",
  number = "no nos fig vol pp p ch art sec ext tel jan feb mar apr jun jul aug sept sep oct nov dec",
  maybe = "etc Inc Ltd Co Corp Jr Sr Ph.D M.D B.A Ave Blvd Rd Hwy dept min max hr hrs al Mon Tue Tues Wed Thu Thurs Fri",
  keys = { ["*"] = "star", ["#"] = "hash", ["+"] = "plus", ["."] = "point" },
}
