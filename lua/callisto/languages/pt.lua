-- Portuguese: see callisto.language.
return {
  name = "Portuguese",
  yes = "sim, sim por favor, claro, com certeza, certo, correto, isso, isso mesmo, pode ser, tá, está bem, tudo bem, exato",
  no = "não, não obrigado, não obrigada, nunca, errado, de jeito nenhum",
  acknowledgements = "aham, ahã, uhum, hum, mm, mhm, hm, hmm, ah, oh, sim, tá, tá bom, tá bem, está bem, ok, okay, certo, claro, "
    .. "entendi, entendo, beleza, isso, pois, pois é, sei, bom, legal",
  fillers = { "Um momento.", "Só um segundo.", "Deixe-me ver.", "Vou verificar." },
  still_there = "Você ainda está aí?",
  fallback = "Desculpe, algo deu errado. Por favor, ligue mais tarde. Até logo.",
  again = "Desculpe, não entendi.",
  goodbye = "Obrigado por ligar. Até logo.",
  is = { yes = "sim", no = "não" },
  says = { dot = "ponto", slash = "barra", at = "arroba", dash = "hífen", underscore = "sublinhado", times = "vezes" },
  inside = "Sr Sra Srta Srs Dr Dra D Dª Prof Profa Eng Exmo Exma Ilmo Av R Pça p.ex aprox vs",
  number = "núm nº no pág págs tel art cap vol jan fev mar abr mai jun jul ago set out nov dez",
  maybe = "etc Ltda Cia S.A a.m p.m a.C d.C",
}
