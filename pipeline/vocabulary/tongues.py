"""Spoken languages and the words for how well somebody speaks them, on one scale."""

from typing import Final

from pipeline.vocabulary.trie import Trie

LANGUAGES: Final = {
    "es": "español, castellano, spanish, espanhol",
    "en": "inglés, english, inglês, ingles",
    "pt": "portugués, portuguese, português, portugues",
    "qu": "quechua, runasimi",
    "ay": "aimara, aymara",
    "fr": "francés, french, francês",
    "it": "italiano, italian",
    "de": "alemán, german, alemão",
    "zh": "chino, chino mandarín, mandarín, chinese, mandarin, mandarin chinese, chinês",
    "ja": "japonés, japanese, japonês",
    "ko": "coreano, korean",
    "ru": "ruso, russian, russo",
    "ar": "árabe, arabic",
    "ca": "catalán, catalan",
    "gn": "guaraní, guarani",
    "he": "hebreo, hebrew",
    "nl": "neerlandés, holandés, dutch",
    "shp": "shipibo, shipibo-konibo",
    "cni": "asháninka, ashaninka",
    "sgn": "lengua de señas, lengua de señas peruana, sign language, libras",
}
LEVELS: Final = {
    "native": """nativo, nativa, lengua materna, materna, materno, native, mother tongue,
        native speaker, native or bilingual, native or bilingual proficiency, bilingüe, bilingual,
        bilíngue, língua materna, lengua nativa, idioma nativo, idioma materno, first language""",
    "C2": "c2, maestría, mastery, proficiency, proficient",
    "C1": """c1, avanzado, avanzada, advanced, avançado, avançada, fluido, fluida, fluent,
        fluente, fluency, dominio, full professional proficiency, full professional, fluidez,
        avanzado c1, advanced c1, nivel avanzado, alto, experto""",
    "B2": """b2, intermedio alto, intermedio-alto, intermedio avanzado, upper intermediate,
        upper-intermediate, intermediário avançado, professional working proficiency,
        professional working, working proficiency, professional, profesional, conversational,
        intermedio superior""",
    "B1": """b1, intermedio, intermedia, intermediate, intermediário, intermediária, medio,
        médio, limited working proficiency, limited working, nivel intermedio,
        conversacional, regular""",
    "A2": "a2, básico alto, básico intermedio, elementary, pre intermedio, pre-intermediate",
    "A1": """a1, básico, básica, basic, beginner, principiante, iniciante, nociones, elemental,
        elementary proficiency, nivel básico, inicial""",
}


def _pairs(table: dict[str, str]) -> list[tuple[str, str]]:
    return [(name.strip(), code) for code, names in table.items() for name in names.split(",")]


LANGUAGE_TRIE: Final = Trie(_pairs(LANGUAGES))
LEVEL_TRIE: Final = Trie(_pairs(LEVELS))
EXACT: Final = frozenset(("A1", "A2", "B1", "B2", "C1", "C2"))
