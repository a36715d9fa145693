"""Words of degrees and of places of learning."""

import re
from typing import Final

# Folded; what is matched is the degree's kind, what follows a joint is its subject.
DEGREE: Final = re.compile(
    r"\b(?:(?:grado de |titulo de |titulo profesional de |titulo em "
    r"|egresad[oa] de (?:la )?(?:carrera (?:profesional )?de )?|carrera (?:profesional )?de "
    r"|estudiante de |cursando )?"
    r"(?:licenciatura|licenciad[oa]|bachiller(?:ato)?|bacharelado|bacharel|doctorado|doutorado"
    r"|doctor|maestria|magister|mestrado|master(?:'s)?(?: of [a-z]+)?(?: degree)?|maestro"
    r"|mba|m\.b\.a|ph\.?d|bachelor(?:'s)?(?: of [a-z]+)?(?: degree)?|b\.?sc|b\.?a|m\.?sc|b\.?eng"
    r"|associate(?:'s)? degree(?: of [a-z]+)?|diploma|diplomado|posgrado|postgrado|pos-graduacao"
    r"|pos graduacao|especializacion|especializacao|segunda especialidad|tecnolog[oa]|tecnologia"
    r"|tecnico superior|tecnica superior|tecnico|tecnica|profesional tecnico|graduacao"
    r"|curso tecnico|ensino medio|ensino superior|educacion secundaria|secundaria(?: completa)?"
    r"|educacion primaria|primaria completa|high school(?: diploma)?|titulad[oa]|titulo"
    r"|egresad[oa]|ingenieria|ingenier[oa]|engenharia|engenheir[oa]|carrera|degree|abogad[oa]"
    r"|contador(?:a)? public[oa](?: colegiad[oa])?|enfermer[oa]|psicolog[oa]|arquitect[oa]"
    r"|economista|minor))\b"
)
# A degree that is its own subject: "Ingeniería de Sistemas", "Contador Público".
OWN_SUBJECT: Final = re.compile(
    r"(?:ingenier|engenh|contador|abogad|enfermer|psicolog|arquitect|economista)[a-z ]*$"
)
JOINT: Final = re.compile(r"^\s{0,2}(?:en|in|em|de|of|del|da|do|:|-|,)\s{1,2}(?:la |el |a |o )?")
SCHOOL: Final = re.compile(
    r"\b(?:universidad|universidade|university|univ\.|instituto|institute|escuela|escola|school"
    r"|colegio|college|academia|academy|facultad|faculdade|senati|sencico|tecsup|cibertec|idat|isil"
    r"|certus|pucp|unmsm|unac|upc|usil|upn|utp|ucv|uni|unfv|unsa|unt|usmp|ulima|esan|centrum"
    r"|udep|utec|unalm|usat|upao|ucsm|toulouse lautrec|zegel|sise|avansys|senac|senai|fgv|usp"
    r"|unicamp|ufrj|ufmg|puc|fatec|etec|itesm|unam|ipn|uba|utn|institucion educativa|cetpro"
    r"|politecnico|politecnica|conservatorio|centro de estudios|centro universitario|coursera"
    r"|platzi|udemy|edx|crehana)\b|\bi\.\s?e\.\s"
)
