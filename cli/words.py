"""What `demo` and `cv` say to a person, in Spanish, English and Portuguese."""

from typing import Any, Final

from protocol.refusals import LOCALES

DEFAULT: Final = "es"

WORDS: Final[dict[str, dict[str, str]]] = {
    "missing": {
        "es": "no existe el archivo",
        "en": "there is no such file",
        "pt": "o arquivo não existe",
    },
    "folder": {
        "es": "es una carpeta, no un archivo",
        "en": "it is a folder, not a file",
        "pt": "é uma pasta, não um arquivo",
    },
    "special": {
        "es": "no es un archivo común",
        "en": "it is not a regular file",
        "pt": "não é um arquivo comum",
    },
    "permission": {
        "es": "no hay permiso para leerlo",
        "en": "there is no permission to read it",
        "pt": "não há permissão para ler",
    },
    "other": {
        "es": "no se pudo leer",
        "en": "it could not be read",
        "pt": "não foi possível ler",
    },
    "not_json": {
        "es": "no es JSON (UTF-8) válido; una vacante es un objeto con title, must_have[] …",
        "en": "it is no valid JSON (UTF-8); an opening is an object with title, must_have[] …",
        "pt": "não é JSON (UTF-8) válido; uma vaga é um objeto com title, must_have[] …",
    },
    "not_opening": {
        "es": "no es una vacante: falta {field}, o su valor no sirve",
        "en": "it is no opening: {field} is missing, or its value is of no use",
        "pt": "não é uma vaga: falta {field}, ou seu valor não serve",
    },
    "house": {
        "es": "Preparando un sistema propio (base de datos, servidores y trabajadores)…",
        "en": "Getting a house of its own ready (database, servers and workers)…",
        "pt": "Preparando um sistema próprio (banco de dados, servidores e processos)…",
    },
    "house_found": {
        "es": "Se usa el sistema que ya funciona en {url}",
        "en": "Using the house that runs at {url}",
        "pt": "Usando o sistema que já funciona em {url}",
    },
    "busy": {
        "es": "otra demo trabaja con la carpeta {state}: espérela, o use otra con --state",
        "en": "another demo works in the folder {state}: wait for it, or use another --state",
        "pt": "outra demo usa a pasta {state}: espere por ela ou use outra com --state",
    },
    "starting": {
        "es": "otro comando arranca o termina en la carpeta {state}: espere unos segundos, "
        "o use otra con --state",
        "en": "another command starts or ends in the folder {state}: wait some seconds, "
        "or use another --state",
        "pt": "outro comando começa ou termina na pasta {state}: espere alguns segundos "
        "ou use outra com --state",
    },
    "broke": {
        "es": "la demo no pudo continuar: {why}",
        "en": "the demo could not go on: {why}",
        "pt": "a demo não pôde continuar: {why}",
    },
    "cut": {
        "es": "Interrumpida: su vacante queda cerrada y su CV, borrado.",
        "en": "Interrupted: its opening is closed and its CV erased.",
        "pt": "Interrompida: a vaga fica fechada e o currículo, apagado.",
    },
    "away": {
        "es": "el servidor no responde ({what})",
        "en": "the server does not answer ({what})",
        "pt": "o servidor não responde ({what})",
    },
    "slow": {
        "es": "no terminó en {seconds} segundos",
        "en": "it was not done within {seconds} seconds",
        "pt": "não terminou em {seconds} segundos",
    },
    "opening": {"es": "1. Vacante: {title}", "en": "1. Opening: {title}", "pt": "1. Vaga: {title}"},
    "cv": {
        "es": "2. CV: {name} ({size})",
        "en": "2. CV: {name} ({size})",
        "pt": "2. Currículo: {name} ({size})",
    },
    "upload": {"es": "recibido, en cola", "en": "received, waiting", "pt": "recebido, na fila"},
    "validate": {"es": "archivo revisado", "en": "file checked", "pt": "arquivo conferido"},
    "parse": {"es": "texto leído", "en": "text read", "pt": "texto lido"},
    "extract": {"es": "perfil extraído", "en": "profile extracted", "pt": "perfil extraído"},
    "vectorize": {
        "es": "perfil comparable",
        "en": "profile made comparable",
        "pt": "perfil comparável",
    },
    "match": {
        "es": "comparado con las vacantes",
        "en": "compared with the openings",
        "pt": "comparado com as vagas",
    },
    "nameless": {"es": "(sin nombre)", "en": "(no name)", "pt": "(sem nome)"},
    "years": {"es": "{n} año|{n} años", "en": "{n} year|{n} years", "pt": "{n} ano|{n} anos"},
    "jobs": {
        "es": "{n} empleo|{n} empleos",
        "en": "{n} job|{n} jobs",
        "pt": "{n} emprego|{n} empregos",
    },
    "matches": {"es": "3. Afinidad", "en": "3. Match", "pt": "3. Afinidade"},
    "no_match": {
        "es": "sin texto no hay nada que comparar",
        "en": "without text there is nothing to compare",
        "pt": "sem texto não há o que comparar",
    },
    "score": {
        "es": "afinidad {n} de 1",
        "en": "match {n} of 1",
        "pt": "afinidade {n} de 1",
    },
    "must": {"es": "indispensable: {term}", "en": "must have: {term}", "pt": "exigido: {term}"},
    "others": {
        "es": "otras vacantes abiertas:",
        "en": "other open openings:",
        "pt": "outras vagas abertas:",
    },
    "interview": {"es": "4. Entrevista", "en": "4. Interview", "pt": "4. Entrevista"},
    "asks": {
        "es": "quien entrevista: {engine}",
        "en": "who asks: {engine}",
        "pt": "quem entrevista: {engine}",
    },
    "offline": {
        "es": "banco de preguntas escrito, sin IA",
        "en": "the written bank of questions, no AI",
        "pt": "banco de perguntas escrito, sem IA",
    },
    "claude": {"es": "Claude (IA)", "en": "Claude (AI)", "pt": "Claude (IA)"},
    "completed": {
        "es": "terminó: respondió todas las preguntas",
        "en": "finished: every question was answered",
        "pt": "terminou: todas as perguntas foram respondidas",
    },
    "time_up": {
        "es": "terminó: se acabó el tiempo",
        "en": "finished: the time was up",
        "pt": "terminou: o tempo acabou",
    },
    "left": {
        "es": "terminó: la persona salió",
        "en": "finished: the person left",
        "pt": "terminou: a pessoa saiu",
    },
    "abandoned": {
        "es": "terminó: la persona no volvió en un día",
        "en": "finished: the person did not come back for a day",
        "pt": "terminou: a pessoa não voltou em um dia",
    },
    "expired": {
        "es": "terminó: venció el plazo",
        "en": "finished: the invitation ran out",
        "pt": "terminou: o prazo venceu",
    },
    "withdrawn": {
        "es": "terminó: la empresa la cerró",
        "en": "finished: the company closed it",
        "pt": "terminou: a empresa a encerrou",
    },
    "report": {"es": "5. Informe", "en": "5. Report", "pt": "5. Relatório"},
    "level": {
        "es": "{name}: nivel {level} de 4",
        "en": "{name}: level {level} of 4",
        "pt": "{name}: nível {level} de 4",
    },
    "no_level": {"es": "{name}: sin nivel", "en": "{name}: no level", "pt": "{name}: sem nível"},
    "quotes": {
        "es": "{n} cita|{n} citas",
        "en": "{n} quote|{n} quotes",
        "pt": "{n} citação|{n} citações",
    },
    "place": {"es": "Informe: {place}", "en": "Report: {place}", "pt": "Relatório: {place}"},
    "language": {"es": "idioma: {code}", "en": "language: {code}", "pt": "idioma: {code}"},
    "pages": {
        "es": "{n} página|{n} páginas",
        "en": "{n} page|{n} pages",
        "pt": "{n} página|{n} páginas",
    },
    "pages_read": {
        "es": "leídas las primeras {n}",
        "en": "the first {n} were read",
        "pt": "lidas as primeiras {n}",
    },
    "chars": {
        "es": "{n} carácter|{n} caracteres",
        "en": "{n} character|{n} characters",
        "pt": "{n} caractere|{n} caracteres",
    },
    "chars_cut": {"es": "texto recortado", "en": "the text was cut", "pt": "texto cortado"},
    "hidden": {
        "es": "{n} carácter oculto retirado|{n} caracteres ocultos retirados",
        "en": "{n} hidden character removed|{n} hidden characters removed",
        "pt": "{n} caractere oculto retirado|{n} caracteres ocultos retirados",
    },
    "work": {
        "es": "Experiencia ({years})",
        "en": "Experience ({years})",
        "pt": "Experiência ({years})",
    },
    "education": {"es": "Educación", "en": "Education", "pt": "Formação"},
    "study": {"es": "{kind} en {area}", "en": "{kind} in {area}", "pt": "{kind} em {area}"},
    "skills": {"es": "Habilidades", "en": "Skills", "pt": "Habilidades"},
    "more": {"es": " y {n} más", "en": " and {n} more", "pt": " e mais {n}"},
    "languages": {"es": "Idiomas", "en": "Languages", "pt": "Idiomas"},
    "certificates": {
        "es": "Certificados y cursos",
        "en": "Certificates and courses",
        "pt": "Certificados e cursos",
    },
    "until": {"es": "{start} a {end}: ", "en": "{start} to {end}: ", "pt": "{start} a {end}: "},
    "today": {"es": "actualidad", "en": "today", "pt": "hoje"},
    "evidence": {
        "es": "Cada dato lleva su evidencia: {n} cita del texto (--json)."
        "|Cada dato lleva su evidencia: {n} citas del texto (--json).",
        "en": "Every value has its evidence: {n} quote of the text (--json)."
        "|Every value has its evidence: {n} quotes of the text (--json).",
        "pt": "Cada dado tem sua evidência: {n} citação do texto (--json)."
        "|Cada dado tem sua evidência: {n} citações do texto (--json).",
    },
}


class Words:
    """The words of one locale."""

    def __init__(self, locale: str) -> None:
        """Speak `locale`; any that is not known speaks Spanish."""
        self.locale = locale if locale in LOCALES else DEFAULT

    def __call__(self, key: str, **values: Any) -> str:
        """Return a text with its values filled in."""
        return WORDS[key][self.locale].format(**values)

    def code(self, name: str) -> str:
        """Return the words for a stage, a reason or an engine; a new one is shown as it is."""
        return WORDS[name][self.locale] if name in WORDS else name

    def count(self, key: str, n: float) -> str:
        """Return "one|other" with its number; Portuguese and Spanish count 1.5 as many."""
        one, _, other = WORDS[key][self.locale].partition("|")
        return (one if n == 1 else other).format(n=self.number(n))

    def number(self, value: float, digits: int | None = None) -> str:
        """Write a number as the locale does."""
        if digits is None and value == int(value):
            return str(int(value))
        text = f"{value:g}" if digits is None else f"{value:.{digits}f}"
        return text.replace(".", ",") if self.locale == "pt" else text

    def size(self, count: int) -> str:
        """Say how large a file is."""
        kib = max(1, count / 1024)
        return f"{kib:.0f} KB" if kib < 1024 else f"{self.number(kib / 1024, 1)} MB"  # noqa: PLR2004 - KiB
