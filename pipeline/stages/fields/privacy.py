"""National identity numbers in a CV: found, so that they are kept out of every field."""

import re
from typing import Final

from stdnum.br import cpf

from pipeline.stages.fields.lines import Cut

# A label and a number: DNI (Peru, Spain, Argentina), carné de extranjería, RUC, CPF, RUT ...
_LABELLED: Final = re.compile(
    r"\b(?:d\.?n\.?i|c\.?e|carne(?:t)? de extranjeria|ruc|cpf|rg|rut|cedula(?: de ciudadania)?"
    r"|c\.?c|pasaporte|passport|passaporte|curp|cuil|cuit|documento de identidad"
    r"|n[o°]\s?de documento"
    r"|national id|ssn|brevete)\b\.?\s{0,2}(?:n[o°.]{0,2}|nro\.?|num(?:ero)?\.?|#)?"
    r"\s{0,2}[:#-]?\s{0,2}"
    r"([a-z]{0,4}\d[\d.\- ]{5,16}[\dkx])"
)
_CPF: Final = re.compile(r"(?<![\d.])\d{3}\.\d{3}\.\d{3}-\d{2}(?!\d)")


def identity_numbers(folded: str) -> list[Cut]:
    """Return where identity numbers stand, their labels included."""
    found = [Cut(match.start(), match.end()) for match in _LABELLED.finditer(folded)]
    found += [
        Cut(match.start(), match.end()) for match in _CPF.finditer(folded) if cpf.is_valid(match[0])
    ]
    return found
