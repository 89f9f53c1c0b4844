-- German: see callisto.language.
return {
  name = "German",
  yes = "ja, ja bitte, jawohl, klar, natürlich, gerne, richtig, genau, stimmt, das stimmt, in ordnung, okay, einverstanden",
  no = "nein, nein danke, nee, nö, niemals, falsch, stimmt nicht, lieber nicht",
  acknowledgements = "mhm, hm, hmm, mm, aha, ah, oh, ach so, achso, ja, jaja, jo, okay, ok, gut, alles klar, "
    .. "klar, genau, richtig, verstehe, verstanden, ich verstehe, stimmt, in ordnung, schön, super, na gut",
  unfinished = "der die das ein eine einen und oder aber weil wenn dass mit ohne für von zu in an auf mein meine ist äh "
    .. "ähm",
  dictated = "null eins zwei zwo drei vier fünf sechs sieben acht neun punkt bindestrich",
  fillers = { "Einen Moment.", "Eine Sekunde.", "Ich sehe nach.", "Ich schaue kurz." },
  still_there = "Sind Sie noch da?",
  fallback = "Es tut uns leid, etwas ist schiefgegangen. Bitte rufen Sie später wieder an. Auf Wiederhören.",
  again = "Entschuldigung, das habe ich nicht verstanden.",
  goodbye = "Auf Wiederhören.",
  not_a_choice = "Das steht nicht zur Auswahl.",
  press = "Für %s drücken Sie die %s.",
  is = { yes = "ja", no = "nein" },
  says = { dot = "Punkt", slash = "Schrägstrich", at = "ät", dash = "Bindestrich", underscore = "Unterstrich", times = "mal" },
  has_dotted_ordinals = true,
  inside = "Hr Hrn Fr Dr Prof Dipl Ing St z.B z.b bzw ca d.h u.a s.o s.u vgl evtl ggf inkl zzgl geb sog "
    .. "allg bzgl i.d.R o.g v.a z.T i.A",
  number = "nr nrn abs art bd s tel kap jan feb mär apr jun jul aug sept sep okt nov dez max min",
  maybe = "usw etc u.s.w usf Co v.Chr n.Chr Str Mio Mrd Std",
  keys = { ["*"] = "Stern", ["#"] = "Raute", ["+"] = "plus", ["."] = "Punkt" },
  money = { INR = { "Rupie", "Rupien", "Paisa", "Paise" }, USD = { "Dollar", "Dollar", "Cent", "Cent" },
    EUR = { "Euro", "Euro", "Cent", "Cent" }, GBP = { "Pfund", "Pfund", "Penny", "Pence" },
    AED = { "Dirham", "Dirham", "Fils", "Fils" }, CHF = { "Franken", "Franken", "Rappen", "Rappen" } },
  feminine_money = "INR",
  money_joint = " und ",
  date = "{weekday}, der {ordinal} {month}",
  time = { of_day = 24, spelling = "masculine", hour = "{h} Uhr", minutes = "{h} Uhr {m}" },
  at = " um ",
}
