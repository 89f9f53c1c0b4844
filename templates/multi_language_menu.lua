-- A menu that first asks for the language and then speaks it. The texts of all languages are in one table; `voices` of the
-- settings says which voice speaks which (the built-in ones speak English).

local menu = require "callisto.menu"
local template = require "callisto.template"

local languages = {
  english = {
    voice = "en", orders = "For your order, press one.", hours = "For our hours, press two.",
      person = "For a person, press zero.",
    order = "Please enter the number of your order, then press hash.", thanks = "Thank you. We will send you a message. Goodbye.",
    open = "We are open from ten to seven, Monday to Saturday. Goodbye.", call_back = "We will call you back. Goodbye.",
    invalid = "That is not one of the choices.", goodbye = "Goodbye.",
  },
  spanish = {
    voice = "es", orders = "Para su pedido, pulse uno.", hours = "Para nuestro horario, pulse dos.",
    person = "Para hablar con una persona, pulse cero.", order = "Marque el número de su pedido y después almohadilla.",
    thanks = "Gracias. Le enviaremos un mensaje. Adiós.", open = "Abrimos de diez a siete, de lunes a sábado. Adiós.",
    call_back = "Le llamaremos. Adiós.", invalid = "Esa opción no existe.", goodbye = "Adiós.",
  },
  french = {
    voice = "fr", orders = "Pour votre commande, tapez un.", hours = "Pour nos horaires, tapez deux.",
    person = "Pour parler à quelqu'un, tapez zéro.", order = "Tapez le numéro de votre commande, puis dièse.",
    thanks = "Merci. Nous vous enverrons un message. Au revoir.", open = "Nous ouvrons de dix à dix-neuf heures. Au revoir.",
    call_back = "Nous vous rappellerons. Au revoir.", invalid = "Ce choix n'existe pas.", goodbye = "Au revoir.",
  },
}

-- The menu of one language, as a step of the flow.
local function main_menu(name)
  local say = languages[name]
  local function take_order(call)
    local number = call:digits { say.order, min = 4, max = 8, tries = 2 }
    call:fact("order.asked", { number = number, language = name })
    call:finish(number and "ORDER_ASKED" or "NO_INPUT", number and say.thanks or say.goodbye)
  end
  local choices = menu {
    name = name, invalid = say.invalid, goodbye = say.goodbye,
    options = {
      { digit = "1", label = "order", say = say.orders, go = take_order },
      { digit = "2", label = "hours", say = say.hours, outcome = "INFORMED", closing = say.open },
      { digit = "0", label = "person", say = say.person, outcome = "CALL_BACK", closing = say.call_back },
    },
  }
  return function(call)
    call:fact("language", { name = name })
    call:speak_with((call.settings.voices or {})[say.voice])
    return choices
  end
end

return template {
  name = "multi-language-menu",
  description = "A menu in the language of the caller.",
  greeting = "Welcome to Blue Shop.",
  menu = menu {
    name = "language",
    options = {
      { digit = "1", label = "English", go = main_menu "english" },
      { digit = "2", label = "español", say = "Para español, pulse dos.", go = main_menu "spanish" },
      { digit = "3", label = "français", say = "Pour le français, tapez trois.", go = main_menu "french" },
    },
  },
}
