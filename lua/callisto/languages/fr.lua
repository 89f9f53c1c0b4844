-- French: see callisto.language.
return {
  name = "French",
  yes = "oui, oui s'il vous plaît, ouais, bien sûr, d'accord, c'est ça, exact, exactement, tout à fait, volontiers, absolument",
  no = "non, non merci, jamais, pas du tout, c'est faux",
  acknowledgements = "mm, mhm, hm, hmm, ah, oh, euh, oui, ouais, ouai, d'accord, ok, okay, bien, très bien, je vois, "
    .. "ah oui, ah bon, entendu, compris, c'est ça, voilà, parfait, bon, allez-y, tout à fait",
  fillers = { "Un instant.", "Une seconde.", "Je regarde.", "Je vérifie." },
  still_there = "Êtes-vous toujours là ?",
  fallback = "Nous sommes désolés, une erreur est survenue. Veuillez rappeler plus tard. Au revoir.",
  again = "Excusez-moi, je n'ai pas compris.",
  goodbye = "Merci de votre appel. Au revoir.",
  is = { yes = "oui", no = "non" },
  says = { dot = "point", slash = "slash", at = "arobase", dash = "tiret", underscore = "tiret bas", times = "fois" },
  inside = "M MM Mme Mlle Mmes Mlles Dr Pr Me Mgr St Ste bd boul p.ex cf c.-à-d vs",
  number = "no n° p pp tél env art chap vol fig janv févr avr juil sept oct nov déc",
  maybe = "etc Cie S.A",
}
