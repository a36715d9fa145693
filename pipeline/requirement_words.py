"""The words by which openings ask: languages, their levels, degrees by rank."""

import re
from typing import Final

LANGUAGES: Final = {
    "es": ("espanol", "castellano", "spanish", "espanhol"),
    "en": ("ingles", "english"),
    "pt": ("portugues", "portuguese"),
    "fr": ("frances", "french"),
    "de": ("aleman", "german", "alemao"),
    "it": ("italiano", "italian"),
    "zh": ("chino", "mandarin", "chinese", "chines"),
    "qu": ("quechua",),
}
LEVELS: Final = ("A1", "A2", "B1", "B2", "C1", "C2", "native")
LEVEL_WORDS: Final = {
    "A2": ("basico", "basic", "elementary", "elemental"),
    "B1": ("intermedio", "intermediate", "intermediario"),
    "B2": ("intermedio alto", "upper intermediate", "upper-intermediate", "conversacional"),
    "C1": ("avanzado", "advanced", "avancado", "fluido", "fluente", "fluent", "profesional"),
    "C2": ("dominio", "proficient", "bilingue", "bilingual"),
    "native": ("nativo", "native", "materno", "materna"),
}
DEGREES: Final = (  # from the lowest; a higher one meets a lower
    (1, ("secundaria completa", "high school", "ensino medio")),
    (2, ("tecnico", "tecnica", "technical degree", "technician", "tecnologo", "instituto")),
    (3, ("bachiller", "bachelor", "bacharel", "egresado", "universitario", "universitaria",
         "titulo profesional", "licenciad", "licenciatura", "ingenier", "engenheir", "graduacao",
         "degree", "bsc", "b.sc", "titulado", "carrera profesional", "engineer", "abogad",
         "contador")),
    (4, ("maestria", "magister", "master", "mestrado", "mba", "posgrado", "postgrado",
         "pos-graduacao", "especializacion", "msc", "m.sc")),
    (5, ("doctorado", "phd", "doctor en", "doutorado")),
)  # fmt: skip
DEGREE_ASKED: Final = re.compile(
    r"titulo|titulad|bachiller|licenciad|licenciatura|egresad|graduad|graduacao|degree|bachelor|"
    r"master|maestria|mestrado|mba\b|universitari|secundaria|high school|ensino medio|"
    r"carrera (?:de|en|profesional|tecnica)|"
    r"tecnico (?:en|titulado)|formacion (?:en|academica|superior)|doctorado|phd|diploma"
)
