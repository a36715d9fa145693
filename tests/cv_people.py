"""Fictitious people with what their CVs say: the truth that extraction is measured against."""

# ruff: noqa: SIM905, ISC004 - words read better as a paragraph

from typing import NamedTuple


class JobTruth(NamedTuple):
    """One job; dates as YYYY or YYYY-MM, an end of None is "until now"."""

    position: str
    company: str
    place: str
    start: str
    end: str | None
    tasks: tuple[str, ...]


class StudyTruth(NamedTuple):
    """One degree."""

    degree: str
    school: str
    start: str | None
    end: str


class Person(NamedTuple):
    """Everything a fictitious CV says."""

    locale: str
    name: str
    label: str
    email: str
    phone: str  # as written
    e164: str
    place: str
    city: str
    profile: str
    jobs: tuple[JobTruth, ...]
    studies: tuple[StudyTruth, ...]
    skills: tuple[str, ...]  # as written
    canonical: frozenset[str]  # what of them the vocabulary knows
    languages: tuple[tuple[str, str, str], ...]  # word, level as written, code
    courses: tuple[tuple[str, str], ...]  # name, year
    years: float  # on 2026-11-24


ANA = Person(
    "es", "Ana Lucía Paredes Rojas", "Analista Contable", "ana.paredes@example.com",
    "+51 987 654 321", "+51987654321", "Lima, Perú", "Lima",
    "Contadora con experiencia en cierre mensual, tributación y reportes para la gerencia de "
    "empresas comerciales. Ordenada y clara al explicar los números a otras áreas.",
    (
        JobTruth("Analista Contable", "Comercial Río Claro S.A.C.", "Lima", "2021-03", None,
                 ("Elaboré los estados financieros mensuales de tres empresas del grupo.",
                  "Automaticé la conciliación de cuentas por pagar y reduje el cierre de ocho a "
                  "cinco días hábiles.")),
        JobTruth("Asistente Contable", "Estudio Valle & Asociados", "Lima", "2018-08", "2021-02",
                 ("Preparé las declaraciones mensuales de doce clientes.",
                  "Atendí fiscalizaciones de SUNAT sin observaciones.")),
        JobTruth("Practicante de Contabilidad", "Municipalidad de Miraflores", "Lima", "2017-01",
                 "2017-12", ("Registré órdenes de compra en SIAF.",)),
    ),
    (StudyTruth("Bachiller en Contabilidad", "Universidad Nacional Mayor de San Marcos", "2012",
                "2016"),),
    ("Excel avanzado", "SAP", "Concar", "NIIF", "Power BI", "Trabajo en equipo"),
    frozenset(("Excel", "SAP", "Concar", "NIIF", "Power BI", "Trabajo en equipo")),
    (("Español", "Nativo", "es"), ("Inglés", "Intermedio (B1)", "en")),
    (("Diplomado en Tributación", "2022"), ("Excel para finanzas", "2020")),
    9.3,
)  # fmt: skip

BRUNO = Person(
    "es", "Bruno Salazar Inga", "Desarrollador Backend", "bsalazar.dev@example.com",
    "987 111 222", "+51987111222", "Arequipa, Perú", "Arequipa",
    "Desarrollador con cinco años construyendo servicios en Python y Go para banca y comercio "
    "electrónico, con foco en pruebas y observabilidad.",
    (
        JobTruth("Desarrollador Backend Senior", "Andes Pagos S.A.", "Arequipa", "2022-01", None,
                 ("Diseñé la pasarela de pagos en FastAPI y PostgreSQL, con 300 transacciones "
                  "por segundo.", "Migré los servicios a k8s y dejé el despliegue en GitLab CI.")),
        JobTruth("Programador Python", "Kallpa Software", "Lima", "2019-06", "2021-12",
                 ("Mantuve la API de pedidos en Django.", "Escribí pruebas unitarias con pytest.")),
    ),
    (StudyTruth("Ingeniería de Sistemas", "Universidad Nacional de San Agustín", "2013", "2018"),),
    ("Python", "Go", "Docker", "Kubernetes", "PostgreSQL", "Git", "Scrum"),
    frozenset(("Python", "Go", "Docker", "Kubernetes", "PostgreSQL", "Git", "Scrum")),
    (("Español", "Nativo", "es"), ("Inglés", "Avanzado", "en")),
    (("AWS Certified Developer", "2023"),),
    7.5,
)  # fmt: skip

CARMEN = Person(
    "es", "Carmen Rosa Huanca Mamani", "Asesora de Ventas", "carmen.huanca@example.com",
    "(+51) 945-333-111", "+51945333111", "Juliaca, Puno", "Juliaca",
    "Asesora comercial con trato cercano y resultados sostenidos en tiendas por departamento.",
    (
        JobTruth("Asesora de Ventas", "Tiendas El Altiplano S.R.L.", "Juliaca", "2020", None,
                 ("Atención al cliente en piso de ventas y manejo de caja.",)),
        JobTruth("Cajera", "Supermercados Lago Azul", "Puno", "2017", "2019",
                 ("Cuadre de caja diario.",)),
    ),
    (StudyTruth("Técnico en Administración", "Instituto Superior Leonardo Torres", None, "2016"),),
    ("Atención al cliente", "Ventas", "Manejo de caja", "Word", "Excel básico"),
    frozenset(("Atención al cliente", "Ventas", "Caja", "Word", "Excel")),
    (("Español", "Nativo", "es"), ("Quechua", "Avanzado", "qu")),
    (("Curso de Atención al Cliente", "2019"),),
    8.9,
)  # fmt: skip

DIANA = Person(
    "en", "Diana Campos Wright", "Product Designer", "diana.campos@example.com",
    "+1 415 555 2671", "+14155552671", "Lima, Peru", "Lima",
    "Designer who turns research into simple flows for people who are new to digital banking.",
    (
        JobTruth("Senior Product Designer", "Northwind Bank", "Lima", "2021-09", None,
                 ("Led the redesign of onboarding, which lifted completion from 48% to 71%.",
                  "Built a design system in Figma used by six squads.")),
        JobTruth("UX Designer", "Blue Llama Studio", "Remote", "2018-02", "2021-08",
                 ("Ran usability tests with 80 people.",)),
    ),
    (StudyTruth("Bachelor of Arts in Graphic Design", "Pacific University", "2012", "2016"),),
    ("Figma", "Adobe XD", "Design systems", "User research", "HTML", "CSS"),
    frozenset(("Figma", "Adobe XD", "HTML", "CSS")),
    (("English", "Native", "en"), ("Spanish", "Fluent", "es")),
    (("Google UX Design Certificate", "2021"),),
    8.8,
)  # fmt: skip

EDSON = Person(
    "pt", "Edson Pereira Lima", "Analista de Logística", "edson.pereira@example.com",
    "(11) 98765-4321", "+5511987654321", "São Paulo, SP", "São Paulo",
    "Analista com experiência em transporte, armazém e controle de estoque em empresas de varejo.",
    (
        JobTruth("Analista de Logística", "Varejo Bom Preço Ltda", "São Paulo", "2020-03", None,
                 ("Reduzi o custo de frete em 12% com novas rotas.",
                  "Implantei o controle de estoque no SAP.")),
        JobTruth("Assistente de Logística", "Transportes Sol Nascente", "Campinas", "2017-05",
                 "2020-02", ("Conferência de notas e expedição.",)),
    ),
    (StudyTruth("Tecnólogo em Logística", "Universidade Paulista", "2014", "2016"),),
    ("Excel avançado", "SAP", "Gestão de equipes", "Negociação", "Power BI"),
    frozenset(("Excel", "SAP", "Gestión de equipos", "Negociación", "Power BI")),
    (("Português", "Nativo", "pt"), ("Inglês", "Intermediário", "en")),
    (("Gestão de Estoques", "2019"),),
    9.6,
)  # fmt: skip

FIORELLA = Person(
    "es", "Fiorella Núñez del Prado", "Enfermera", "fnunez.enf@example.com",
    "01 4441234 / 956 777 888", "+51956777888", "Trujillo, Perú", "Trujillo",
    "Enfermera asistencial con experiencia en emergencias y capacitación de personal técnico.",
    (
        JobTruth("Enfermera Asistencial", "Hospital Regional Docente", "Trujillo", "2019-05", None,
                 ("Atendí emergencias en turnos rotativos de doce horas.",
                  "Capacité a 20 técnicos en primeros auxilios y RCP.")),
        JobTruth("Enfermera", "Clínica Santa Inés", "Trujillo", "2016-04", "2019-04",
                 ("Registro de historias clínicas electrónicas.",)),
    ),
    (StudyTruth("Licenciatura en Enfermería", "Universidad Privada del Norte", "2010", "2015"),),
    ("Primeros auxilios", "RCP", "Enfermería", "Historias clínicas"),
    frozenset(("Primeros auxilios", "RCP", "Enfermería", "Historias clínicas")),
    (("Español", "Nativo", "es"), ("Inglés", "Básico", "en")),
    (("Soporte vital básico", "2024"),),
    10.7,
)  # fmt: skip

PEOPLE = (ANA, BRUNO, CARMEN, DIANA, EDSON, FIORELLA)

TITLES = {
    "es": ("Perfil profesional", "Experiencia laboral", "Educación", "Habilidades", "Idiomas",
           "Cursos y certificaciones", "Contacto", "Referencias"),
    "en": ("Profile", "Work experience", "Education", "Skills", "Languages", "Certifications",
           "Contact", "References"),
    "pt": ("Resumo profissional", "Experiência profissional", "Formação acadêmica",
           "Competências", "Idiomas", "Cursos e certificações", "Contato", "Referências"),
}  # fmt: skip
MONTHS = {
    "es": "Enero Febrero Marzo Abril Mayo Junio Julio Agosto Setiembre Octubre Noviembre "
    "Diciembre".split(),
    "en": "January February March April May June July August September October November "
    "December".split(),
    "pt": "Janeiro Fevereiro Março Abril Maio Junho Julho Agosto Setembro Outubro Novembro "
    "Dezembro".split(),
}
NOW = {"es": "Actualidad", "en": "Present", "pt": "Atual"}
DATE_STYLES = ("long", "short", "numeric", "words")
HEAD_STYLES = ("stacked", "right_of_position", "right_of_company", "date_first", "one_line",
               "labelled", "company_first", "networked")  # fmt: skip


def month_text(value: str, style: str, locale: str) -> str:
    """Write YYYY or YYYY-MM as people do."""
    year, _, month = value.partition("-")
    if not month:
        return year
    name = MONTHS[locale][int(month) - 1]
    if style == "numeric":
        return f"{month}/{year}"
    if style == "short":
        return f"{name[:3]}. {year}"
    if style == "words":
        return f"{name.lower()} {'of' if locale == 'en' else 'de'} {year}"
    return f"{name} {year}"


def period_text(start: str, end: str | None, style: str, locale: str) -> str:
    """Write a range as people do."""
    begin = month_text(start, style, locale)
    if style == "words":
        until = {"es": "hasta la actualidad", "en": "to present", "pt": "até o momento"}
        joint = {"es": "hasta", "en": "to", "pt": "até"}[locale]
        rest = until[locale] if end is None else f"{joint} {month_text(end, style, locale)}"
        return f"{begin} {rest}"
    dash = " - " if style == "numeric" else " – "
    return begin + dash + (NOW[locale] if end is None else month_text(end, style, locale))
