-- Indonesian: see callisto.language.
return {
  name = "Indonesian",
  yes = "ya, iya, ya benar, benar, betul, tentu, tentu saja, boleh, oke, baik, setuju, silakan",
  no = "tidak, tidak terima kasih, nggak, enggak, gak, bukan, jangan, salah",
  acknowledgements = "ya, iya, he-eh, heeh, hm, hmm, mm, mhm, oh, ah, oh ya, oke, ok, okay, baik, baiklah, betul, benar, siap, "
    .. "paham, mengerti, saya mengerti, lanjut, sip",
  fillers = { "Tunggu sebentar.", "Sebentar ya.", "Saya periksa dulu.", "Mohon tunggu." },
  still_there = "Apakah Anda masih di sana?",
  fallback = "Maaf, terjadi kesalahan. Silakan telepon lagi nanti. Sampai jumpa.",
  again = "Maaf, saya kurang menangkap.",
  goodbye = "Terima kasih sudah menelepon. Sampai jumpa.",
  is = { yes = "ya", no = "tidak" },
  says = { dot = "titik", slash = "garis miring", at = "et", dash = "strip", underscore = "garis bawah", times = "kali" },
  inside = "Bpk Bp Sdr Sdri Ny Nn Tn Dr dr Drs Dra Ir Prof Hj Jl Jln Gg Kab Kec Kel Rp a.n u.p d.a",
  number = "no tgl hlm hal jan feb mar apr jun jul ags agt sep okt nov des",
  maybe = "dll dsb dst Tbk S.H S.E M.M",
}
