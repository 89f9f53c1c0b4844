-- Spanish: see callisto.language.
return {
  name = "Spanish",
  yes = "sí, si, sí por favor, si por favor, claro, claro que sí, correcto, así es, exacto, vale, "
    .. "de acuerdo, por supuesto, eso es",
  no = "no, no gracias, nunca, incorrecto, para nada, mejor no",
  acknowledgements = "ajá, aja, mm, mhm, hm, hmm, ah, oh, sí, si, vale, ok, okey, okay, claro, bien, bueno, ya, ya veo, "
    .. "entiendo, entendido, de acuerdo, perfecto, exacto, dale, siga",
  fillers = { "Un momento.", "Un segundo.", "Déjeme ver.", "Permítame comprobarlo." },
  still_there = "¿Sigue usted ahí?",
  fallback = "Lo sentimos, algo ha salido mal. Por favor, llame más tarde. Adiós.",
  again = "Perdone, no le he entendido.",
  goodbye = "Gracias por llamar. Adiós.",
  is = { yes = "sí", no = "no" },
  says = { dot = "punto", slash = "barra", at = "arroba", dash = "guion", underscore = "guion bajo", times = "por" },
  inside = "Sr Sra Srta Sres Sras Dr Dra D Dª Dña Prof Profa Ing Lic Arq Gral Cap Sto Sta Fr Av Avda Pza p.ej ej aprox vs",
  number = "núm nº no pág págs tel tfno art cap vol ene feb mar abr may jun jul ago sept sep oct nov dic",
  maybe = "etc Ud Uds Vd Vds S.A S.L Cía Ltda a.m p.m a.C d.C EE.UU",
}
