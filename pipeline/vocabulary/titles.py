"""Words of job titles and of employers, to tell a position from a company."""

# ruff: noqa: SIM905 - hundreds of words read better as a paragraph

import re
from typing import Final

from pipeline.vocabulary.folding import fold

# Folded stems: a word of a line that begins with one of them speaks for a job title.
TITLE_STEMS: Final = tuple(
    """
    abogad administrador administrativ agente ajustador albanil almacener analista apoderad
    arquitect asesor asistente asistencial atendente auditor auxiliar ayudante bartender barista
    cajer camarer capataz captador chef chofer cobrador cocinero comprador community conductor
    confeccionista conserje consultor contador contralor controller coordinador coordenador
    corredor costurer cozinheir cuidador data desarrollador desenvolvedor director diretor
    disenador docente economista editor educador ejecutiv electricista encargad enfermer
    engenheir entrenador especialista estagiari estilista evaluador executiv facilitador
    farmaceutic fotograf funcionari gasfiter gerente gestor gestora guardia guia impulsador
    ingenier inspector instructor instalador interno jardiner jefe jefa jornalista lider
    logistico maestr maquinista medic mecanic mercaderista meser motorista mozo niner
    nutricionista obrer odontolog oficial operador operari orientador panader pasante periodista
    planner practicante presidente procurador produtor productor profesor professor programador
    promotor prevencionista psicolog publicista quimic recepcionista reclutador redactor
    reponedor representante residente responsable responsavel secretari seguridad sociolog
    soldador subgerente sub-gerente sub supervisor tecnico tecnica tecnic tecnolog terapeuta
    tesorer topograf trabajador traductor tutor vendedor veterinari vicepresidente vigilante
    estudiante student bachiller egresad licenciad graduate
    visitador volunteer voluntari becari aprendiz trainee socio fundador cofundador
    accountant administrator advisor analyst apprentice architect assistant associate auditor
    barber bartender bookkeeper buyer cashier chief clerk coach consultant cook counsel
    counselor coordinator dentist designer developer devops director driver economist editor
    electrician engineer executive founder co-founder freelance freelancer head inspector
    instructor intern internship journalist lawyer lead leader lecturer librarian manager
    marketer mechanic nurse officer operator owner partner pharmacist physician planner president
    principal producer professor programmer psychologist receptionist recruiter representative
    researcher salesperson scientist secretary scrum seller specialist sre staff
    superintendent supervisor teacher technician tester therapist trainer translator tutor
    ux vp waiter waitress warehouse worker writer ceo cto cfo coo cio qa dba
    """.split()
)
WHOLE: Final = frozenset(
    "data sub staff head lead sre ux vp ceo cto cfo coo cio qa dba guia socio owner partner "
    "chief seguridad scrum warehouse interno coach cook lider principal".split()
)
_STARTS: Final = tuple(stem for stem in TITLE_STEMS if stem not in WHOLE)
# These name a job only at its head: "Data Analyst", not "analysis of data".
WEAK: Final = frozenset("data seguridad warehouse scrum staff sub ux qa principal head".split())

# A legal form at the end settles it: "Operador Logístico Andino S.A." is nobody's position.
LEGAL: Final = re.compile(
    r"\b(?:s\.?\s?a\.?\s?c|s\.?a\.?a|s\.?\s?r\.?\s?l|s\.a|s\.a\.s|sas|sac|saa|srl|eirl|e\.i\.r\.l"
    r"|s\.? ?de ?r\.?l|ltda|ltd|inc|llc|gmbh|corp|co|cia|plc|spa|eireli|me"
    r"|epp)\b\.?\s*(?:[-,(|].*)?$"
)
EMPLOYER: Final = re.compile(
    r"\b(?:banco|bank|universidad|universidade|university|ministerio|municipalidad|prefeitura"
    r"|gobierno|grupo|group|clinica|hospital|consultora|consultores|consulting|corporacion"
    r"|compania|company|empresa|constructora|inversiones|importadora|exportadora|distribuidora"
    r"|comercial|comercializadora|industrias|industrial|laboratorio|laboratorios|colegio|escuela"
    r"|instituto|institute|fundacion|foundation|asociacion|cooperativa|caja|seguros|aseguradora"
    r"|minera|compania|transportes|agencia|agency|estudio|studio|studios|hotel|restaurante"
    r"|restaurant|supermercados|tiendas|farmacias|boticas|textil|agroindustrial|agricola"
    r"|logistics|solutions|soluciones|solucoes|technologies|tecnologia|tecnologias|systems"
    r"|sistemas|software|labs|partners|associates|asociados|associados|servicios generales"
    r"|contratistas|ong|ngo|sunat|essalud|minsa|holding|retail|editorial|notaria|oficina"
    r"|superintendencia|direccion regional|red de salud|ugel|centro de|centro medico|call center"
    r"|hipermercado|supermercado|cafe|cafeteria|panaderia|bodega|botica|farmacia|ferreteria"
    r"|tienda|taller|construtora|industria|comercio|hospital|secretaria de)\b"
)
WORD: Final = re.compile(r"[a-z0-9&.-]+")
FREE: Final = frozenset(("freelance", "freelancer", "independiente", "autonomo", "self-employed"))


def title_score(text: str) -> int:
    """Return how strongly a line speaks for a job title: 0 is not at all."""
    score = 0
    for number, word in enumerate(WORD.findall(fold(text[:160]))[:12]):
        plain = word.strip(".-&")
        whole = plain in WHOLE
        if whole and plain in WEAK and number:
            continue
        if whole or plain.startswith(_STARTS):
            score += 3 if number == 0 else 2
    return score


def employer_score(text: str) -> int:
    """Return how strongly a line speaks for an employer."""
    folded = fold(text[:160]).strip(" .,")
    return 3 * len(EMPLOYER.findall(folded)[:2]) + (8 if LEGAL.search(folded) else 0)
