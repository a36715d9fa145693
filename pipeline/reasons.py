"""Why a requirement counts as met or not, in the three languages of openings."""

from typing import Final

REASONS: Final[dict[str, dict[str, str]]] = {
    "skill_said": {
        "es": "El CV menciona: {names}",
        "en": "The CV names: {names}",
        "pt": "O currículo menciona: {names}",
    },
    "skill_missing": {
        "es": "El CV no menciona {names} ni sus otros nombres conocidos",
        "en": "The CV names neither {names} nor any other known name for it",
        "pt": "O currículo não menciona {names} nem outros nomes conhecidos",
    },
    "skill_level": {
        "es": "{name}: el CV indica nivel {have}; se pide {asked}",
        "en": "{name}: the CV says {have}; {asked} is asked for",
        "pt": "{name}: o currículo indica nível {have}; pede-se {asked}",
    },
    "skill_level_unsaid": {
        "es": "El CV menciona {names} sin decir el nivel; se pide {asked}",
        "en": "The CV names {names} without a level; {asked} is asked for",
        "pt": "O currículo menciona {names} sem dizer o nível; pede-se {asked}",
    },
    "skill_partly": {
        "es": "El CV menciona {names}, pero no {absent}",
        "en": "The CV names {names}, but not {absent}",
        "pt": "O currículo menciona {names}, mas não {absent}",
    },
    "years": {
        "es": "{total} años de experiencia en el CV; se piden {asked}",
        "en": "{total} years of experience in the CV; {asked} are asked for",
        "pt": "{total} anos de experiência no currículo; pedem-se {asked}",
    },
    "years_with": {
        "es": "{known} años en puestos que mencionan {names}; se piden {asked}",
        "en": "{known} years in jobs that name {names}; {asked} are asked for",
        "pt": "{known} anos em cargos que mencionam {names}; pedem-se {asked}",
    },
    "years_unsaid": {
        "es": "El CV menciona {names} sin decir cuántos años; la experiencia total es de {total} "
        "y se piden {asked}",
        "en": "The CV names {names} without saying for how long; experience in all is {total} "
        "years and {asked} are asked for",
        "pt": "O currículo menciona {names} sem dizer quantos anos; a experiência total é de "
        "{total} e pedem-se {asked}",
    },
    "years_missing": {
        "es": "El CV no dice cuántos años de experiencia hay con {names}; se piden {asked}",
        "en": "The CV does not say how many years with {names}; {asked} are asked for",
        "pt": "O currículo não diz quantos anos de experiência há com {names}; pedem-se {asked}",
    },
    "language_said": {
        "es": "Idioma en el CV: {name}",
        "en": "Language in the CV: {name}",
        "pt": "Idioma no currículo: {name}",
    },
    "language_level": {
        "es": "{name}: el CV indica {have}; se pide {level}",
        "en": "{name}: the CV says {have}; {level} is asked for",
        "pt": "{name}: o currículo indica {have}; pede-se {level}",
    },
    "language_level_unsaid": {
        "es": "{name} está en el CV, sin nivel; se pide {level}",
        "en": "{name} is in the CV without a level; {level} is asked for",
        "pt": "{name} está no currículo, sem nível; pede-se {level}",
    },
    "language_missing": {
        "es": "El CV no menciona el idioma",
        "en": "The CV does not name the language",
        "pt": "O currículo não menciona o idioma",
    },
    "degree_said": {
        "es": "Estudios en el CV que corresponden a lo pedido",
        "en": "Studies in the CV that answer what is asked for",
        "pt": "Estudos no currículo que correspondem ao pedido",
    },
    "degree_other": {
        "es": "El CV tiene estudios, pero de otro grado u otra área",
        "en": "The CV has studies, but of another degree or subject",
        "pt": "O currículo tem estudos, mas de outro grau ou área",
    },
    "degree_missing": {
        "es": "El CV no muestra estudios que correspondan",
        "en": "The CV shows no studies that answer it",
        "pt": "O currículo não mostra estudos que correspondam",
    },
    "words_said": {
        "es": "El CV lo dice con palabras equivalentes",
        "en": "The CV says so in words of its own",
        "pt": "O currículo o diz com palavras equivalentes",
    },
    "words_missing": {
        "es": "No se encontró en el texto del CV",
        "en": "Not found in the CV's text",
        "pt": "Não foi encontrado no texto do currículo",
    },
    "seniority": {
        "es": "{total} años de experiencia; para este nivel se esperan {asked}",
        "en": "{total} years of experience; {asked} are expected at this level",
        "pt": "{total} anos de experiência; para este nível esperam-se {asked}",
    },
    "seniority_term": {
        "es": "Experiencia para el nivel del puesto",
        "en": "Experience for the level of the position",
        "pt": "Experiência para o nível do cargo",
    },
    "described": {
        "es": "La descripción lo menciona; el CV no",
        "en": "The description names it; the CV does not",
        "pt": "A descrição o menciona; o currículo não",
    },
}


def say(key: str, language: str, **values: object) -> str:
    """Return the sentence of `key` in `language` (es, en or pt)."""
    return REASONS[key][language].format(**values)
