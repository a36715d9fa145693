"""What stands around a word: whether its clause denies it, only imagines it, or gives a figure.

All texts here are folded (no case, no accents), as `evidence.folded` makes them.
"""

import re
from functools import lru_cache
from typing import Final

CONTEXT_CHARS: Final = 200  # of a clause that are read before a word
PLAIN_REACH: Final = 6  # words that a bare "no" reaches: "no tuvimos tiempo de hacer una prueba"
SHORT_REACH: Final = 3  # words that "sin" or "ni" reaches
PORTUGUESE_HITS: Final = 2

_CLAUSE: Final = re.compile(r"[^\w\s'-]")
_SENTENCE: Final = re.compile(r"[.!?\u2026]+(?=\s|$)")
_PORTUGUESE: Final = re.compile(r"\b(?:nao|uma|em|eu|com|ao|foi|pelo|pela|meu|minha|voce)\b")
# A purpose ("para que no falle") denies what is prevented, not what is done for it.
_PURPOSE: Final = re.compile(
    r"\b(?:para que|para|so that|so|a fin de que|de modo que|de forma que|evitar que|making sure) "
    r"(?:\w+ ){0,3}?(?:no|nunca|jamas|nao|never|not|\w+n't)\b"
)
_IDIOM: Final = re.compile(
    r"\b(?:sin (?:embargo|duda)|no (?:obstante|entanto|doubt|hay duda)|sem duvida|"
    r"without (?:a )?doubt|(?:no|nao|not) (?:solo|solamente|unicamente|only|just|apenas|somente))\b"
)
_TURN: Final = re.compile(
    r"\b(?:y|e|pero|sino|aunque|and|but|though|although|porem|embora|entonces|entao|"
    r"so(?! (?:that|it)\b)|asi que|"
    r"por lo que|por eso|por isso|hasta|until|ate|porque|because|then|cuando|when|quando)\b"
)
_MAS: Final = re.compile(r"\bmas\b")  # "but" in Portuguese, "more" in Spanish
_STRONG: Final = re.compile(
    r"\b(?:nunca|jamas|never|nadie|nobody|no one|ninguem|\w+n't|"
    r"(?:did|was|were|could|had|have|do|does) not|"
    r"(?:no|nao) (?:(?:lo|la|los|las|le|les|se|me|nos|o|a) )?"
    r"(?:hice|hicimos|hizo|logre|logramos|logro|tuve|tuvimos|tuvo|pude|pudimos|pudo|hubo|habia|"
    r"consegui|conseguimos|alcance|llegue|llegamos|intente|fiz|fizemos|fez|tive|tivemos|teve|"
    r"pudemos|houve|havia|cheguei|chegamos|tentei))\b"
)
_PLAIN: Final = frozenset(("no", "not", "nao", "tampoco", "cannot", "hardly"))
_SHORT: Final = frozenset(("sin", "ni", "without", "nor", "sem", "nem"))
_DENIED_AFTER: Final = re.compile(
    r"(?: (?!(?:que|that|y|e|and|pero|but|mas|para|porque|because)\b)[\w'-]+){0,2} "
    r"(?:(?:no|nunca|jamas|nao) (?:se )?(?:hizo|hicieron|hubo|habia|existia|existio|hice|hicimos|"
    r"tuvimos|funciono|llego|fue|fiz|fizemos|fez|houve|havia|foi|foram|funcionou)|"
    r"(?:was|were) (?:never|not)|wasn't|weren't|never (?:was|happened|existed|worked))\b"
)
# Imagined from here to the sentence's end.
_AGAIN: Final = re.compile(
    r"\b(?:si (?:lo |la |tuviera que |pudiera )?(?:hiciera|volviera|repitiera|hacerlo|repetirlo)|"
    r"la proxima vez|next time|if i (?:did|do|could do|were to do|had to do|had)|"
    r"(?:n|d)?a proxima vez|se (?:eu )?(?:fizesse|voltasse|repetisse|pudesse))\b"
)
# Imagined from here to the clause's end.
_WOULD: Final = re.compile(
    r"\b(?:haria(?:mos)?|habria(?:mos)?|tendria(?:mos)?|pondria(?:mos)?|propondria|seria mejor|"
    r"(?:medi|pedi|inclui|decidi|evita|busca|proba|prova|testa|usa|revisa|verifica|valida|comproba|"
    r"documenta|planifica|planeja|avisa|dedica|consulta|intenta|tenta|crea|cria|empeza|comeca|"
    r"cambia|muda|agrega|prepara|coordina|organiza|compara|analiza|analisa|"
    r"prioriza|involucra|implementa|aplica|estableze|establece)ria(?:mos)?|faria(?:mos)?|"
    r"teria(?:mos)?|poria|deberia(?:mos)?|debi haber|debimos haber|deveria(?:mos)?|"
    r"(?:i|we) (?:would|should|could have)|i'd|we'd|should have|would have)\b"
)
_YEAR: Final = re.compile(r"\b(?:19|20)\d\d\b(?! ?(?:%|soles|dolares|dollars|reais|euros))")
_FIGURE: Final = re.compile(
    r"(?<!\w)\d|[%$\u20ac\u00a3]|\b(?:por ciento|por cento|percent|per cent|"
    r"dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|once|doce|quince|veinte|treinta|cuarenta|"
    r"cincuenta|sesenta|setenta|ochenta|noventa|cien|ciento|doscient[oa]s|quinient[oa]s|mil|"
    r"millon|millones|cero|mitad|doble|triple|tercio|docena|docenas|"
    r"two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty|"
    r"fifty|sixty|seventy|eighty|ninety|hundred|thousand|million|zero|half|halved|doubled|double|"
    r"tripled|third|quarter|dozen|"
    r"dois|duas|quatro|sete|oito|nove|dez|onze|doze|quinze|vinte|trinta|quarenta|cinquenta|"
    r"sessenta|oitenta|cem|cento|milhao|milhoes|metade|dobro|triplo|terco|duzia)\b"
)


def denied(text: str, start: int, end: int) -> bool:
    """Tell whether the clause around `text[start:end]` says that it was not so."""
    clause = _CLAUSE.split(text[max(0, start - CONTEXT_CHARS) : start])[-1]
    before = _IDIOM.sub(" ", _PURPOSE.sub(" para que ", clause))
    portuguese = _is_portuguese(text)
    before = _TURN.split(before)[-1]
    if portuguese:
        before = _MAS.split(before)[-1]
    if _STRONG.search(before):
        return True
    words = re.findall(r"[\w']+", re.split(r"\b(?:que|that)\b", before)[-1])
    plain = _PLAIN - {"no"} if portuguese else _PLAIN  # there "no" is "in the"
    if plain & set(words[-PLAIN_REACH:]) or _SHORT & set(words[-SHORT_REACH:]):
        return True
    return bool(_DENIED_AFTER.match(text, end))


def imagined(text: str, start: int) -> bool:
    """Tell whether what stands at `start` was not done but would be: "haría antes una prueba"."""
    before = text[max(0, start - CONTEXT_CHARS) : start]
    if _AGAIN.search(_SENTENCE.split(before)[-1]):
        return True
    return bool(_WOULD.search(_CLAUSE.split(before)[-1]))


def figures(sentence: str) -> bool:
    """Tell whether the sentence holds an amount; a calendar year is none."""
    return bool(_FIGURE.search(_YEAR.sub(" ", sentence)))


@lru_cache(maxsize=64)
def _is_portuguese(text: str) -> bool:
    return len({match[0] for match in _PORTUGUESE.finditer(text)}) >= PORTUGUESE_HITS
