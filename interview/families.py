"""What an opening's words say about the competencies that matter for it: points and levels.

Words are stems without accents, in Spanish, English and Portuguese; a word counts when it begins
with one of them. A stem of fewer than four letters counts only as a whole word.
"""

import re
from typing import Final

from protocol.profile import fold

TECHNICAL: Final = "technical_depth"
ORDER: Final = (
    "problem_solving", TECHNICAL, "delivery", "teamwork", "communication", "customer_focus",
    "learning", "ownership", "adaptability", "leadership",
)  # fmt: skip
BASE: Final = {
    "problem_solving": 10, TECHNICAL: 12, "delivery": 8, "teamwork": 8, "communication": 7,
    "customer_focus": 5, "learning": 5, "ownership": 6, "adaptability": 4, "leadership": 2,
}  # fmt: skip
BY_LEVEL: Final[dict[str, dict[str, int]]] = {
    "junior": {"learning": 6, "adaptability": 1, "leadership": -1},
    "mid": {"ownership": 2, "delivery": 1},
    "senior": {"leadership": 7, "ownership": 2, "learning": -2},
}
# role words (category and title) -> points
ROLES: Final[tuple[tuple[str, dict[str, int]], ...]] = (
    (
        (
            "ingenier engineer engenh desarroll develop desenvolv software program datos "
            "data dados "
            "sistem system tecnolog technolog ti it devops backend frontend cloud analista analyst"
        ),
        {TECHNICAL: 8, "problem_solving": 4},
    ),
    (
        "venta vendas vendedor sales seller comercial negocio business",
        {"customer_focus": 9, "communication": 5, "delivery": 2},
    ),
    (
        (
            "atencion atendimento cliente customer soporte support suporte servicio hotel "
            "restaurant call"
        ),
        {"customer_focus": 10, "communication": 4, "adaptability": 3},
    ),
    (
        (
            "operacion operations operacoes logist almacen warehouse produccion production "
            "producao planta obra construc construction minera mining"
        ),
        {"delivery": 6, "teamwork": 3, "adaptability": 2},
    ),
    (
        "contab account contador finan auditor tesorer tax impuest fiscal legal abogad lawyer",
        {TECHNICAL: 4, "ownership": 5, "problem_solving": 2},
    ),
    (
        (
            "recursos humanos human people talento marketing comunic communicat educa "
            "docente teacher "
            "professor psicolog"
        ),
        {"communication": 6, "teamwork": 3, "learning": 2},
    ),
    (
        "salud health saude enfermer nurse medic farmac",
        {TECHNICAL: 4, "teamwork": 4, "ownership": 3},
    ),
    (
        (
            "jefe jefa gerente manager gestor coordinad coordenad supervis director diretor "
            "lead lider "
            "head"
        ),
        {"leadership": 9, "delivery": 2, "communication": 2},
    ),
)
# description words -> one competency; each different stem found gives MENTION points
MENTIONS: Final = {
    "problem_solving": "problem analis analyt analit resolv solucion solution diagnos",
    "delivery": "plazo deadline prazo planific planning planej cronograma objetiv meta result",
    "teamwork": "equipo team equipe colabor cooper multidisciplin",
    "communication": "comunic communicat present redac writing negoci idioma ingles english",
    "customer_focus": "cliente customer usuario user satisfac servicio service atencion",
    "learning": "aprend learn curios capacit training actualiz",
    "ownership": "autonom responsab ownership proactiv iniciativ initiative independ",
    "adaptability": "cambi change mudanc adapta flexib dinamic dynamic agil",
    "leadership": "lider lead mentor coach cargo supervis dirigir conduc",
}
MENTION, MENTIONS_MAX = 2, 3  # points for a mention; how many count
SHORT: Final = 4

SENIORITY: Final = (  # the first whose word is found decides
    ("mid", ("semi", "semisenior", "ssr", "mid", "middle", "pleno", "intermedi", "medio")),
    ("junior", ("junior", "jr", "practic", "trainee", "intern", "estagi", "aprendiz", "entry",
                "auxiliar", "egresad", "graduate")),
    ("senior", ("senior", "sr", "lead", "lider", "principal", "staff", "jef", "gerent", "manager",
                "director", "expert", "especialista", "head")),
)  # fmt: skip
YEARS_MID, YEARS_SENIOR = 2, 6  # when the opening does not say, the CV's years do

# Words of a requirement that say nothing about what is required.
FILLER: Final = frozenset(
    re.findall(
        r"\S+",
        "a al ano anos con de del e el en la las lo los o para por sobre su un una y "
        "minimo menos mas "
        "experiencia experiencias conocimiento conocimientos dominio manejo uso nivel "
        "avanzado basico "
        "intermedio deseable indispensable excelente buen buena solida solido capacidad habilidad "
        "comprobada demostrable trabajo area similares como "
        "and at in of or the to with for an on years year experience knowledge level "
        "advanced basic "
        "strong good proven ability skills skill least minimum working using solid "
        "com da das do dos em na no nas nos ou experiencia conhecimento conhecimentos "
        "dominio nivel "
        "avancado minimo pelo menos uso desejavel 1 2 3 4 5 6 7 8 9 10 + 1+ 2+ 3+ 4+ 5+",
    )
)


def level(seniority: str, years: float | None) -> str:
    """Return junior, mid or senior: what the opening says, else the CV's years, else mid."""
    words = _words(seniority)
    for name, stems in SENIORITY:
        if any(_begins(word, stem) for word in words for stem in stems):
            return name
    if years is None:
        return "mid"
    return "junior" if years < YEARS_MID else "mid" if years < YEARS_SENIOR else "senior"


def points(*, level: str, role: str, description: str) -> dict[str, int]:
    """Return every competency's points (at least 1) for a role of this level."""
    total = dict(BASE)
    _add(total, BY_LEVEL[level])
    role_words = _words(role)
    for stems, extra in ROLES:
        if any(_begins(word, stem) for word in role_words for stem in stems.split()):
            _add(total, extra)
    words = _words(description)
    for competency, stems in MENTIONS.items():
        found = sum(1 for stem in stems.split() if any(_begins(word, stem) for word in words))
        total[competency] += MENTION * min(found, MENTIONS_MAX)
    return {name: max(1, value) for name, value in total.items()}


def _add(total: dict[str, int], extra: dict[str, int]) -> None:
    for name, value in extra.items():
        total[name] += value


def _begins(word: str, stem: str) -> bool:
    return word == stem or (len(stem) >= SHORT and word.startswith(stem))


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", fold(text)))
